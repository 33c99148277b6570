"""Messages of SAE J1939 that are sent as several frames."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can.frame import Frame
from telemetry.domain.can.transfer import FORMATS, Transfers

ALL, ENGINE, DASH = 0xFF, 0x00, 0x21
DM1 = 0xFECA


def control(kind: int, message: bytes, group: int = DM1, source: int = ENGINE, to: int = ALL) -> Frame:
    size, packets = len(message), -(-len(message) // 7)
    data = bytes([kind, size & 0xFF, size >> 8, packets, 0xFF, group & 0xFF, group >> 8 & 0xFF, group >> 16])
    return Frame(0.0, 0x1CEC0000 | to << 8 | source, data, is_extended=True)


def packets(message: bytes, source: int = ENGINE, to: int = ALL, step_s: float = 0.05) -> Sequence[Frame]:
    return [
        Frame(
            step_s * (place + 1),
            0x1CEB0000 | to << 8 | source,
            bytes([place + 1]) + message[7 * place : 7 * place + 7].ljust(7, b"\xff"),
            is_extended=True,
        )
        for place in range(-(-len(message) // 7))
    ]


MESSAGE = bytes(range(20))


def assemble(transfers: Transfers, frames: Sequence[Frame]) -> Sequence[Frame]:
    return [message for frame in frames if (message := transfers.take(frame))]


def test_a_broadcast_becomes_one_frame_of_its_group_and_source_at_the_time_of_its_last_packet():
    transfers = Transfers()
    (whole,) = assemble(transfers, [control(32, MESSAGE), *packets(MESSAGE)])
    assert whole._replace(timestamp_s=0) == Frame(0, 0x1CFECA00, MESSAGE, is_extended=True)
    assert whole.timestamp_s == pytest.approx(0.15)
    assert not transfers.incomplete


def test_a_transfer_to_one_destination_names_it_and_may_ask_for_packets_again():
    transfers = Transfers()
    first, second, third = packets(MESSAGE, to=DASH)
    grant = control(17, b"", source=DASH, to=ENGINE)
    frames = [control(16, MESSAGE, 0xEF00, to=DASH), grant, first, second, grant, second, third]
    (whole,) = assemble(transfers, frames)
    assert (whole.can_id, whole.data) == (0x1CEF2100, MESSAGE)
    assert assemble(transfers, [control(19, MESSAGE, source=DASH, to=ENGINE)]) == []


@given(st.binary(min_size=9, max_size=1785))
def test_a_message_of_any_length_is_put_together(message):
    (whole,) = assemble(Transfers(), [control(32, message), *packets(message, step_s=0.001)])
    assert whole.data == message


def test_transfers_of_several_sources_and_buses_do_not_mix():
    other = bytes(reversed(MESSAGE))
    mine = [control(32, MESSAGE), *packets(MESSAGE)]
    theirs = [control(32, other, source=DASH), *packets(other, source=DASH)]
    elsewhere = [each._replace(bus="can1") for each in (control(32, other), *packets(other))]
    mixed = [frame for frames in zip(mine, theirs, elsewhere, strict=True) for frame in frames]
    assert [each.data for each in assemble(Transfers(), mixed)] == [MESSAGE, other, other]


def test_the_last_packet_need_not_be_filled_up():
    *some, last = packets(MESSAGE)
    (whole,) = assemble(Transfers(), [control(32, MESSAGE), *some, last._replace(data=last.data[:7])])
    assert whole.data == MESSAGE


@pytest.mark.parametrize(
    "frames",
    [
        [control(32, MESSAGE), *packets(MESSAGE)[1:]],
        [control(32, MESSAGE), *packets(MESSAGE)[:2], control(255, b"")],
        [
            control(16, MESSAGE, to=DASH),
            control(255, b"", source=DASH, to=ENGINE),
            *packets(MESSAGE, to=DASH),
        ],
        [control(32, MESSAGE), *packets(MESSAGE, step_s=2)],
        [control(32, MESSAGE), *(each._replace(timestamp_s=float("nan")) for each in packets(MESSAGE))],
        [control(32, MESSAGE), *packets(MESSAGE)[:2], packets(MESSAGE)[2]._replace(data=b"\x03")],
        [control(32, MESSAGE), *packets(MESSAGE)[:2], packets(MESSAGE)[2]._replace(data=b"")],
        [control(32, MESSAGE), *packets(MESSAGE)[:2], packets(MESSAGE)[2]._replace(data=b"\x04" * 8)],
    ],
)
def test_a_transfer_that_is_not_completed_is_counted_and_gives_nothing(frames):
    transfers = Transfers()
    assert assemble(transfers, frames) == []
    transfers.end()
    assert transfers.incomplete.total() == 1


def test_a_transfer_that_begins_anew_gives_the_new_message():
    other = bytes(reversed(MESSAGE))
    transfers = Transfers()
    frames = [control(32, MESSAGE), *packets(MESSAGE)[:1], control(32, other), *packets(other)]
    assert [each.data for each in assemble(transfers, frames)] == [other]
    assert transfers.incomplete.total() == 1


@pytest.mark.parametrize(
    "start",
    [
        control(32, MESSAGE)._replace(data=b""),
        control(32, MESSAGE)._replace(data=b"\x20\x14\x00\x03"),
        control(32, bytes(8)),
        control(32, MESSAGE)._replace(data=b"\x20\xfa\x06\xff\xff\xca\xfe\x00"),
        control(32, MESSAGE)._replace(data=b"\x20\x14\x00\x09\xff\xca\xfe\x00"),
        control(17, MESSAGE),
        control(32, MESSAGE)._replace(can_id=0x1CEAFF00),
    ],
)
def test_what_begins_no_transfer_is_passed_over(start):
    transfers = Transfers()
    assert assemble(transfers, [start, *packets(MESSAGE)]) == []
    transfers.end()
    assert transfers.incomplete.total() == 0


def test_the_frames_of_transfers_are_known_by_their_ids():
    for frame in (control(32, MESSAGE), *packets(MESSAGE)):
        assert frame.can_id >> 16 & 0x3FF in FORMATS
    assert 0x1CEAFF00 >> 16 & 0x3FF not in FORMATS
    assert 0x1DEBFF00 >> 16 & 0x3FF not in FORMATS
