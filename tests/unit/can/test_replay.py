"""The frames of a CAN log as records: their times, their identities, and what is counted apart."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.bits import Block, Field
from telemetry.domain.can.choice import Choice
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.layout import Layout
from telemetry.domain.can.measured import Measured
from telemetry.domain.can.part import Mark, Part
from telemetry.domain.can.replay import Decoder, LogReplay
from telemetry.domain.can.scaling import Signal
from telemetry.domain.can.transfer import Transfers
from tests.builders import LOGGED_S, NOON, identity
from tests.can_logs import block

KNOWN = 0x112


def find(_bus: str, can_id: int, _is_extended: bool) -> Decoder | None:  # noqa: FBT001  # as a frame has it
    """Stand in for a definition of one id: each byte is a signal, and 0xFF is not available."""
    return decode if can_id == KNOWN else None


def decode(block: Block) -> Sequence[Part]:
    """Decode each byte; frames of more than one are called short."""
    count = max(1, block.size)
    layout = Layout([(Signal(f"byte_{place}", 8), Field(8 * place, 8)) for place in range(count)], count)
    return [part._replace(is_short=block.size > 1) for part in layout.parts(block)]


def frames(*timestamps: float, can_id: int = KNOWN, data: bytes = b"\x05", bus: str = "can0") -> Frames:
    return block(*((timestamp, can_id, data) for timestamp in timestamps), bus=bus)


def joined(*some: Frames) -> Frames:
    """Join frames of buses that are told apart by their names."""
    names = [*dict.fromkeys(each.names[0] for each in some)]
    whole = Frames(*map(np.concatenate, zip(*(each[:-1] for each in some), strict=True)), names)  # type: ignore[call-arg, arg-type]
    buses = [np.full(each.size, names.index(each.names[0]), np.uint16) for each in some]
    return whole._replace(buses=np.concatenate(buses))


@pytest.fixture
def replay() -> LogReplay:
    return LogReplay(find, "veh-1", NOON)


@pytest.fixture
def kept() -> LogReplay:
    return LogReplay(find, "veh-1", None)


def test_a_frame_becomes_a_record_of_its_own_id(replay):
    (record,) = replay.records(frames(0))
    assert (record.timestamp_ms, record.vehicle_id, record.can_id) == (NOON, "veh-1", "0x112")
    assert record.payload == {"byte_0": 5.0}


def test_no_frames_become_no_records(replay):
    assert replay.records(frames()) == []
    assert replay.counts.frames == 0


def test_a_log_starts_at_the_given_moment_wherever_it_counts_from(replay):
    first, second = replay.records(frames(LOGGED_S + 0.25, LOGGED_S + 1.251))
    assert first.timestamp_ms == NOON
    assert second.timestamp_ms == NOON + 1001


def test_the_first_frame_is_the_start_though_nothing_is_known_of_it(replay):
    replay.records(frames(10, can_id=1))
    (record,) = replay.records(frames(12.5))
    assert record.timestamp_ms == NOON + 2500


def test_a_log_that_starts_at_the_epoch_is_not_one_that_keeps_its_time():
    (record,) = LogReplay(find, "veh-1", 0).records(frames(77))
    assert record.timestamp_ms == 0


def test_own_times_are_kept_and_cut_off_at_the_millisecond(kept):
    times = [record.timestamp_ms for record in kept.records(frames(0.000977, 1.001, LOGGED_S + 0.123999))]
    assert times == [0, 1001, LOGGED_S * 1000 + 123]


def test_frames_of_one_id_that_share_a_millisecond_are_nudged_apart_in_order(replay):
    burst = block(*((0.0101, KNOWN, bytes([value])) for value in (1, 2, 3)))
    later = block((0.011, KNOWN, b"\x04"), (0.02, KNOWN, b"\x05"))
    records = replay.records(joined(frames(0), burst, later))
    assert [record.timestamp_ms - NOON for record in records] == [0, 10, 11, 12, 13, 20]
    assert [record.payload["byte_0"] for record in records] == [5, 1, 2, 3, 4, 5]
    assert replay.counts.nudged == {"0x112": 3}
    assert replay.counts.furthest == 2


def test_a_clock_that_is_set_back_leaves_each_frame_at_its_own_time(kept):
    times = [LOGGED_S, LOGGED_S + 0.1, LOGGED_S - 3599.8, LOGGED_S - 3599.7]
    records = kept.records(frames(*times))
    assert [record.timestamp_ms / 1000 for record in records] == pytest.approx(times)
    assert kept.counts.nudged.total() == 0


def test_what_becomes_no_record_takes_no_millisecond(replay):
    empty, full = frames(1.0, data=b"\xff"), frames(1.0)
    (record,) = replay.records(joined(frames(0, can_id=1), empty, full))
    assert record.timestamp_ms == NOON + 1000


def test_frames_of_different_ids_may_share_a_millisecond():
    extended = block((0, 1, b"\5"), is_extended=True)
    records = LogReplay(lambda *_: decode, "veh-1", NOON).records(
        joined(block((0, 1, b"\5")), block((0, 2, b"\5")), extended)
    )
    # The contract makes no difference between a standard and an extended id of one number.
    assert [(record.can_id, record.timestamp_ms - NOON) for record in records] == [
        ("0x1", 0),
        ("0x2", 0),
        ("0x1", 1),
    ]


@given(st.lists(st.lists(st.floats(-10, 10))))
def test_every_known_frame_has_an_identity_of_its_own_whatever_its_time(blocks):
    replay = LogReplay(find, "veh-1", NOON)
    records = [record for times in blocks for record in replay.records(frames(*times))]
    assert len({identity(record) for record in records}) == sum(map(len, blocks)) == replay.counts.records


def test_what_is_no_record_is_counted_by_name(replay):
    unknown = frames(0, 1, can_id=0x1FFFFFFF)
    some = joined(unknown, frames(2, data=b""), frames(3, data=b"\xff"), frames(4))
    assert len(replay.records(some)) == 1
    counts = replay.counts
    assert (counts.frames, counts.decoded, counts.records) == (5, 2, 1)
    assert counts.undefined == {"0x1FFFFFFF": 2}
    assert +counts.undecodable == {"0x112 (0 bytes hold none of its signals whole)": 1}
    assert counts.unavailable == {"byte_0 (0x112)": 1}
    assert counts.blank == {"0x112": 1}


def test_frames_of_a_page_that_is_not_defined_are_counted(replay, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replay, "_find", lambda *_: lambda some: [decode(some)[0]._replace(is_pageless=True)])
    assert len(replay.records(frames(0, 1))) == 2
    assert replay.counts.pageless == {"0x112": 2}


def test_a_signal_that_is_not_available_leaves_the_others_in_the_record(replay):
    (record,) = replay.records(frames(0, data=b"\x07\xff"))
    assert record.payload == {"byte_0": 7.0}
    assert replay.counts.unavailable == {"byte_1 (0x112)": 1}
    assert replay.counts.short == {"0x112": 1}


@pytest.mark.parametrize("timestamp", [1e12, -1e12])
def test_a_time_that_no_calendar_has_is_undecodable(kept, timestamp):
    assert not kept.records(frames(timestamp))
    assert kept.counts.undecodable == {"0x112 (its time lies outside the years 1 to 9999)": 1}


def test_frames_are_counted_by_bus_and_those_of_other_buses_are_left_out_on_demand():
    both = joined(frames(0, 1), frames(0.5, 1.5, 2.5, bus="can1"))
    replay = LogReplay(find, "veh-1", NOON, Choice(["can1", "can7"]))
    assert len(replay.records(both)) == 3
    assert replay.counts.buses == {"can0": 2, "can1": 3}
    assert replay.counts.other_bus == {"can0": 2}
    assert replay.counts.frames == 3


def test_a_log_starts_with_its_first_frame_though_its_bus_is_left_out():
    both = joined(frames(0), frames(1, bus="can1"))
    (record,) = LogReplay(find, "veh-1", NOON, Choice(["can1"])).records(both)
    assert record.timestamp_ms == NOON + 1000


def test_frames_that_the_logger_sent_are_left_out_on_demand():
    own = frames(0, 1, 2)._replace(is_sent=np.array([True, False, True]))
    assert len(LogReplay(find, "veh-1", NOON).records(own)) == 3
    replay = LogReplay(find, "veh-1", NOON, Choice(with_sent=False))
    assert len(replay.records(own)) == 1
    assert replay.counts.sent == {"sent": 2}
    assert not LogReplay(find, "veh-1", NOON, Choice(["can7"])).records(own)


def test_ids_that_are_known_on_several_buses_are_named(replay):
    assert replay.shared_ids == []
    replay.records(joined(frames(0), frames(0, can_id=1), frames(0, bus="1"), frames(0, can_id=1, bus="1")))
    assert replay.shared_ids == ["0x112"]


@pytest.mark.parametrize(
    ("bus", "name"), [("can0", "can0_byte_0"), ("1", "bus_1_byte_0"), ("PT-CAN", "pt_can_byte_0")]
)
def test_signals_are_named_by_their_bus_on_demand(bus, name):
    (record,) = LogReplay(find, "veh-1", NOON, Choice(names_buses=True)).records(frames(0, bus=bus))
    assert record.payload == {name: 5.0}


def test_who_watches_is_told_of_every_frame_that_has_a_time():
    seen: list[tuple[int, int, Sequence[dict[str, float]]]] = []
    replay = LogReplay(
        find,
        "veh-1",
        None,
        watch=lambda _, group, signals: seen.append((group.can_id, len(group.rows), signals)),
    )
    replay.records(joined(frames(0, 1e12, can_id=1), frames(3, 4)))
    assert seen == [(1, 1, []), (KNOWN, 2, [{"byte_0": 5.0}] * 2)]


def test_what_is_odd_of_a_value_is_counted_by_signal_and_id():
    values = np.array([[1.0], [np.nan], [np.nan], [np.nan], [9.0]])
    marks = np.array([[0], [Mark.UNAVAILABLE], [Mark.ERROR], [Mark.IMPOSSIBLE], [Mark.OUTSIDE]], np.uint8)
    odd = Part(np.arange(1), list("abcde"), values, marks)
    replay = LogReplay(lambda *_: lambda _: [odd], "veh-1", NOON)
    (record,) = replay.records(frames(0))
    assert record.payload == {"a": 1.0, "e": 9.0}
    counts = replay.counts
    assert (counts.unavailable, counts.errors) == ({"b (0x112)": 1}, {"c (0x112)": 1})
    assert (counts.impossible, counts.outside) == ({"d (0x112)": 1}, {"e (0x112)": 1})


def test_a_message_of_several_frames_is_a_record_in_the_place_of_the_last():
    begin, packets = (0.0, 0x1CECFF21, bytes.fromhex("2009000200CAFE00")), [b"\1" * 8, b"\2\7\7\0\0\0\0\0"]
    parts = [(0.1 * place, 0x1CEBFF21, each) for place, each in enumerate(packets, 1)]
    log = block(begin, parts[0], (0.15, KNOWN, b"\5"), parts[1], begin, is_extended=True)
    layout = Layout([(Signal("last", 8), Field(64, 8))], 9)
    replay = LogReplay(
        lambda _, can_id, __: layout.parts if can_id == 0x1CFECA21 else None,
        "veh-1",
        NOON,
        transfers=Transfers(),
    )
    (record,) = replay.records(log)
    replay.end()
    assert (record.can_id, record.timestamp_ms) == ("0x1CFECA21", NOON + 200)
    assert record.payload == {"last": 7.0}
    counts = replay.counts
    assert counts.packets == {"0x1CECFF21": 2, "0x1CEBFF21": 1}
    assert counts.undefined == {"0x112": 1}
    assert counts.incomplete == {"0x1CFECA21": 1}
    assert counts.frames == counts.decoded + counts.undefined.total() + counts.packets.total()
    without = LogReplay(lambda *_: None, "veh-1", NOON)
    assert without.records(log) == []
    without.end()
    assert without.counts.undefined.total() == 5


class TestMeasured:
    @staticmethod
    def made(*times: float, soc: float = 50.0, bus: str = "CAN1") -> Measured:
        moments = np.array([round(time * 1e6) for time in times], np.int64)
        return Measured(moments, bus, 0x112, ["battery_soc"], np.full((len(times), 1), soc))

    def test_signals_that_are_decoded_already_become_records_without_a_definition(self, replay):
        records = replay.records(self.made(10.0, 10.5, 10.5))
        assert [(record.timestamp_ms - NOON, record.can_id, record.payload) for record in records] == [
            (0, "0x112", {"battery_soc": 50.0}),
            (500, "0x112", {"battery_soc": 50.0}),
            (501, "0x112", {"battery_soc": 50.0}),
        ]
        assert (replay.counts.frames, replay.counts.buses) == (3, {"CAN1": 3})

    def test_what_is_impossible_or_has_no_time_becomes_no_record_and_is_counted(self, kept):
        assert kept.records(self.made(1.0, soc=101.0)) == []
        assert kept.records(self.made(1e12)) == []
        assert kept.counts.impossible == {"battery_soc (0x112)": 1}
        assert kept.counts.blank == {"0x112": 1}
        assert kept.counts.undecodable == {"0x112 (its time lies outside the years 1 to 9999)": 1}

    def test_those_of_another_bus_are_left_out_on_demand(self):
        replay = LogReplay(find, "veh-1", NOON, Choice(["CAN2"]))
        assert replay.records(self.made(1.0)) == []
        assert len(replay.records(self.made(1.0, bus="CAN2"))) == 1
        assert replay.counts.other_bus == {"CAN1": 1}
