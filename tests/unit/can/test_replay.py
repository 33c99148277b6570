import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.frame import Decoded, Frame, Outcome, UndecodableFrameError
from telemetry.domain.can.replay import LogReplay, paced
from tests.builders import identity

NOON = 1_760_875_200_000
KNOWN = 0x112


def decode(frames: Sequence[Frame]) -> Sequence[Outcome | None]:
    """Stand in for a definition of one id: each byte is a signal, and 0xFF is not available."""
    return [decode_one(frame) if frame.can_id == KNOWN else None for frame in frames]


def decode_one(frame: Frame) -> Outcome:
    if not frame.data:
        return UndecodableFrameError("0 bytes hold none of its signals whole")
    known = {f"byte_{place}": float(each) for place, each in enumerate(frame.data) if each < 0xFF}
    unavailable = [f"byte_{place}" for place, each in enumerate(frame.data) if each == 0xFF]
    return Decoded(known, unavailable, is_short=len(frame.data) > 1)


def frames(*timestamps: float, can_id: int = KNOWN, data: bytes = b"\x05") -> Sequence[Frame]:
    return [Frame(timestamp, can_id, data) for timestamp in timestamps]


@pytest.fixture
def replayed() -> LogReplay:
    return LogReplay(decode, "veh-1", NOON)


@pytest.fixture
def kept() -> LogReplay:
    return LogReplay(decode, "veh-1", None)


def test_a_frame_becomes_a_record_of_its_own_id(replayed):
    (record,) = replayed.records(frames(0))
    assert (record.timestamp_ms, record.vehicle_id, record.can_id) == (NOON, "veh-1", "0x112")
    assert record.payload == {"byte_0": 5.0}


def test_a_log_starts_at_the_given_moment_wherever_it_counts_from(replayed):
    first, second = replayed.records(frames(1_571_000_000.25, 1_571_000_001.251))
    assert first.timestamp_ms == NOON
    assert second.timestamp_ms == NOON + 1001


def test_the_first_frame_is_the_start_though_nothing_is_known_of_it(replayed):
    replayed.records(frames(10, can_id=1))
    (record,) = replayed.records(frames(12.5))
    assert record.timestamp_ms == NOON + 2500


def test_a_log_that_starts_at_the_epoch_is_not_one_that_keeps_its_time():
    (record,) = LogReplay(decode, "veh-1", 0).records(frames(77))
    assert record.timestamp_ms == 0


def test_own_times_are_kept_and_cut_off_at_the_millisecond(kept):
    times = [record.timestamp_ms for record in kept.records(frames(0.000977, 1.001, 1_571_000_000.123999))]
    assert times == [0, 1001, 1_571_000_000_123]


def test_frames_of_one_id_that_share_a_millisecond_are_nudged_apart_in_order(replayed):
    burst = [Frame(0.0101, KNOWN, bytes([value])) for value in (1, 2, 3)]
    later = [Frame(0.011, KNOWN, b"\x04"), Frame(0.02, KNOWN, b"\x05")]
    records = replayed.records([*frames(0), *burst, *later])
    assert [record.timestamp_ms - NOON for record in records] == [0, 10, 11, 12, 13, 20]
    assert [record.payload["byte_0"] for record in records] == [5, 1, 2, 3, 4, 5]
    assert replayed.counts.nudged == {"0x112": 3}
    assert replayed.counts.furthest == 2


def test_frames_of_different_ids_may_share_a_millisecond():
    records = LogReplay(lambda many: [Decoded({"a": 1.0}, ())] * len(many), "veh-1", NOON).records(
        [Frame(0, 1, b""), Frame(0, 2, b""), Frame(0, 1, b"", is_extended=True)]
    )
    # The contract does not tell a standard from an extended id, so that those of one number are one.
    assert [(record.can_id, record.timestamp_ms - NOON) for record in records] == [
        ("0x1", 0),
        ("0x2", 0),
        ("0x1", 1),
    ]


@given(st.lists(st.floats(-10, 10)))
def test_every_known_frame_has_an_identity_of_its_own_whatever_its_time(timestamps):
    replayed = LogReplay(decode, "veh-1", NOON)
    assert len({identity(record) for record in replayed.records(frames(*timestamps))}) == len(timestamps)
    assert replayed.counts.records == len(timestamps)


def test_what_is_no_record_is_counted_by_name(replayed):
    unknown = frames(0, 1, can_id=0x1FFFFFFF)
    assert len(replayed.records([*unknown, *frames(2, data=b""), *frames(3, data=b"\xff"), *frames(4)])) == 1
    counts = replayed.counts
    assert (counts.frames, counts.decoded, counts.records) == (5, 2, 1)
    assert counts.undefined == {"0x1FFFFFFF": 2}
    assert counts.undecodable == {"0x112 (0 bytes hold none of its signals whole)": 1}
    assert counts.unavailable == {"byte_0 (0x112)": 1}
    assert counts.blank == {"0x112": 1}


def test_a_signal_that_is_not_available_leaves_the_others_in_the_record(replayed):
    (record,) = replayed.records(frames(0, data=b"\x07\xff"))
    assert record.payload == {"byte_0": 7.0}
    assert replayed.counts.unavailable == {"byte_1 (0x112)": 1}
    assert replayed.counts.short == {"0x112": 1}


@pytest.mark.parametrize("timestamp", [1e12, -1e12, float("nan"), float("inf")])
def test_a_time_that_no_calendar_has_is_undecodable(kept, timestamp):
    assert not kept.records(frames(timestamp))
    assert kept.counts.undecodable == {"0x112 (its time lies outside the years 1 to 9999)": 1}


def cut(timestamps: Sequence[float], speed: float, most: int = 3) -> Sequence[tuple[float, Sequence[float]]]:
    return [
        (due, [each.timestamp_s for each in some]) for due, some in paced(frames(*timestamps), most, speed)
    ]


def test_a_log_is_played_at_once_in_portions_of_no_more_than_so_many_frames():
    assert cut([7, 8, 9, 10], math.inf) == [(0, [7, 8, 9]), (0, [10])]
    assert cut([], math.inf) == []


def test_a_portion_is_due_when_its_last_frame_is_and_gathers_no_longer_than_a_tick():
    assert cut([10, 10.1, 10.125, 10.5, 14], 2) == [(0.0625, [10, 10.1, 10.125]), (0.25, [10.5]), (2, [14])]


@pytest.mark.parametrize("odd", [9, -math.inf, math.inf, math.nan])
def test_a_frame_whose_time_is_odd_is_due_with_the_one_before(odd):
    assert sorted({due for due, _ in cut([10, 11, odd, 12], 1)}) == [0, 1, 2]


@given(st.lists(st.floats()), st.integers(1, 5), st.sampled_from([0.5, 1, math.inf]))
def test_a_log_is_cut_without_losing_or_moving_a_frame(timestamps, most, speed):
    whole = frames(*timestamps)
    cuts = list(paced(whole, most, speed))
    assert [frame for _, some in cuts for frame in some] == whole
    assert all(0 < len(some) <= most for _, some in cuts)
    dues = [due for due, _ in cuts]
    assert dues == sorted(dues)
    assert all(0 <= due < math.inf for due in dues)
