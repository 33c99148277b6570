"""The frames of a CAN log as records: their times, their identities, and what is counted apart."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.frame import Decoded, Frame, Outcome, UndecodableFrameError
from telemetry.domain.can.replay import Extent, LogReplay, paced, start_ms
from tests.builders import LOGGED_S, NOON, identity

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
def replay() -> LogReplay:
    return LogReplay(decode, "veh-1", NOON)


@pytest.fixture
def kept() -> LogReplay:
    return LogReplay(decode, "veh-1", None)


def test_a_frame_becomes_a_record_of_its_own_id(replay):
    (record,) = replay.records(frames(0))
    assert (record.timestamp_ms, record.vehicle_id, record.can_id) == (NOON, "veh-1", "0x112")
    assert record.payload == {"byte_0": 5.0}


def test_a_log_starts_at_the_given_moment_wherever_it_counts_from(replay):
    first, second = replay.records(frames(LOGGED_S + 0.25, LOGGED_S + 1.251))
    assert first.timestamp_ms == NOON
    assert second.timestamp_ms == NOON + 1001


def test_the_first_frame_is_the_start_though_nothing_is_known_of_it(replay):
    replay.records(frames(10, can_id=1))
    (record,) = replay.records(frames(12.5))
    assert record.timestamp_ms == NOON + 2500


def test_a_log_that_starts_at_the_epoch_is_not_one_that_keeps_its_time():
    (record,) = LogReplay(decode, "veh-1", 0).records(frames(77))
    assert record.timestamp_ms == 0


def test_own_times_are_kept_and_cut_off_at_the_millisecond(kept):
    times = [record.timestamp_ms for record in kept.records(frames(0.000977, 1.001, LOGGED_S + 0.123999))]
    assert times == [0, 1001, LOGGED_S * 1000 + 123]


def test_frames_of_one_id_that_share_a_millisecond_are_nudged_apart_in_order(replay):
    burst = [Frame(0.0101, KNOWN, bytes([value])) for value in (1, 2, 3)]
    later = [Frame(0.011, KNOWN, b"\x04"), Frame(0.02, KNOWN, b"\x05")]
    records = replay.records([*frames(0), *burst, *later])
    assert [record.timestamp_ms - NOON for record in records] == [0, 10, 11, 12, 13, 20]
    assert [record.payload["byte_0"] for record in records] == [5, 1, 2, 3, 4, 5]
    assert replay.counts.nudged == {"0x112": 3}
    assert replay.counts.furthest == 2


def test_frames_of_different_ids_may_share_a_millisecond():
    records = LogReplay(lambda many: [Decoded({"a": 1.0}, ())] * len(many), "veh-1", NOON).records(
        [Frame(0, 1, b""), Frame(0, 2, b""), Frame(0, 1, b"", is_extended=True)]
    )
    # The contract makes no difference between a standard and an extended id of one number.
    assert [(record.can_id, record.timestamp_ms - NOON) for record in records] == [
        ("0x1", 0),
        ("0x2", 0),
        ("0x1", 1),
    ]


@given(st.lists(st.floats(-10, 10)))
def test_every_known_frame_has_an_identity_of_its_own_whatever_its_time(timestamps):
    replay = LogReplay(decode, "veh-1", NOON)
    assert len({identity(record) for record in replay.records(frames(*timestamps))}) == len(timestamps)
    assert replay.counts.records == len(timestamps)


def test_what_is_no_record_is_counted_by_name(replay):
    unknown = frames(0, 1, can_id=0x1FFFFFFF)
    assert len(replay.records([*unknown, *frames(2, data=b""), *frames(3, data=b"\xff"), *frames(4)])) == 1
    counts = replay.counts
    assert (counts.frames, counts.decoded, counts.records) == (5, 2, 1)
    assert counts.undefined == {"0x1FFFFFFF": 2}
    assert counts.undecodable == {"0x112 (0 bytes hold none of its signals whole)": 1}
    assert counts.unavailable == {"byte_0 (0x112)": 1}
    assert counts.blank == {"0x112": 1}


def test_a_signal_that_is_not_available_leaves_the_others_in_the_record(replay):
    (record,) = replay.records(frames(0, data=b"\x07\xff"))
    assert record.payload == {"byte_0": 7.0}
    assert replay.counts.unavailable == {"byte_1 (0x112)": 1}
    assert replay.counts.short == {"0x112": 1}


@pytest.mark.parametrize("timestamp", [1e12, -1e12, float("nan"), float("inf")])
def test_a_time_that_no_calendar_has_is_undecodable(kept, timestamp):
    assert not kept.records(frames(timestamp))
    assert kept.counts.undecodable == {"0x112 (its time lies outside the years 1 to 9999)": 1}


def test_a_log_reaches_as_far_as_its_latest_frame():
    extent = Extent()
    assert extent.seconds == 0
    extent.add(frames(10, 12.5))
    extent.add([])
    extent.add(frames(12, math.nan, math.inf, -math.inf, 9))
    assert extent.seconds == 2.5


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_log_whose_first_time_is_none_reaches_nowhere(odd):
    extent = Extent()
    extent.add(frames(odd, 10))
    assert extent.seconds == 0


@pytest.mark.parametrize(
    ("extent_s", "speed", "start"),
    [
        (0, math.inf, 0),
        (3600, math.inf, -3_600_000),  # it ends now
        (3600, 1, 0),
        (3600, 0.5, 0),
        (400, 2, 0),  # 200 s ahead of the clock at its end
        (3600, 2, -1_800_000),  # it ends as its sending does, in half an hour
        (3600, 10, -3_240_000),
    ],
)
def test_a_log_starts_so_that_each_record_is_believed_when_it_is_sent(extent_s, speed, start):
    assert start_ms(NOON, extent_s, speed, 300_000) == NOON + start


@given(st.floats(0, 6 * 24 * 3600), st.floats(0.01, 1000), st.floats(0, 1))
def test_no_record_is_ever_further_ahead_of_its_sending_than_is_believed(extent_s, speed, part):
    logged_ms = start_ms(NOON, extent_s, speed, 300_000) + extent_s * part * 1000
    sent_ms = NOON + extent_s * part * 1000 / speed
    assert logged_ms - sent_ms < 300_001


def cut(timestamps: Sequence[float], speed: float, most: int = 3) -> Sequence[tuple[float, Sequence[float]]]:
    return [
        (due, [each.timestamp_s for each in some]) for due, some in paced(frames(*timestamps), most, speed)
    ]


def test_a_log_is_played_at_once_in_runs_of_no_more_than_so_many_frames():
    assert cut([7, 8, 9, 10], math.inf) == [(0, [7, 8, 9]), (0, [10])]
    assert cut([], math.inf) == []


def test_a_run_is_due_when_its_last_frame_is_and_gathers_no_longer_than_a_tick():
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
