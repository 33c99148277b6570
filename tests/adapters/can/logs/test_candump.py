"""candump's log: what is read by columns is what is read line by line, whatever stands beside it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.adapters.can.logs import candump
from telemetry.adapters.can.logs.candump import CANDUMP
from telemetry.adapters.can.logs.format import Context
from telemetry.adapters.can.logs.lines import read
from telemetry.adapters.can.logs.stream import Stream
from telemetry.domain.can.columns import Frames
from telemetry.domain.can.source import Tally
from tests.can_logs import UTC_ZONE, Logged, rows_of

HEX = "0123456789abcdefABCDEF"


class Pipe:
    """Gives at most so many bytes at a time."""

    def __init__(self, data: bytes, at_a_time: int) -> None:
        self._data = data
        self._at_a_time = at_a_time

    def read(self, size: int) -> bytes:
        some = self._data[: min(size, self._at_a_time)]
        self._data = self._data[len(some) :]
        return some


def by_columns(data: bytes, at_a_time: int = 10**6) -> tuple[list[Logged], Tally]:
    context = Context(UTC_ZONE, Tally())
    blocks = list(CANDUMP.blocks(Stream(Pipe(data, at_a_time)), context))
    return [row for frames in blocks if isinstance(frames, Frames) for row in rows_of(frames)], context.tally


def by_line(data: bytes) -> tuple[list[Logged], Tally]:
    tally = Tally()
    blocks = list(read(Stream(Pipe(data, 10**6)), tally, candump._read))
    return [row for frames in blocks for row in rows_of(frames)], tally


TIMES = st.one_of(
    st.integers(0, 2 * 10**9).map(lambda seconds: f"{seconds}.000250"),
    st.sampled_from(["1.5", "0001764000000.123456", "1764000000.1234567", "1.", "x.000000", "-1.000000", ""]),
)
NAMES = st.sampled_from(["can0", "vcan12", "c", "can 1", "ç"])
IDS = st.one_of(
    st.text(HEX, min_size=3, max_size=3), st.text(HEX, min_size=8, max_size=8), st.text(HEX, max_size=9)
)
DATA = st.one_of(
    st.binary(max_size=8).map(bytes.hex),
    st.binary(max_size=64).map(lambda data: f"#1{data.hex()}"),
    st.sampled_from(
        ["R", "R8", "11.22.33", "1", "112233445566778899", "1122334455667788_E", "11 T", "11 R", "XY", "#"]
    ),
)
FRAME_LINES = st.builds("({}) {} {}#{}".format, TIMES, NAMES, IDS, DATA)
LINES = st.lists(
    st.one_of(
        FRAME_LINES,
        st.sampled_from(["", "# a note", "(1.0)", "can0 123#", ")#(", "\x00", "(1.000000) can0 123#11\r"]),
    ),
    min_size=1,
    max_size=30,
)


@given(LINES, st.booleans())
def test_what_is_read_by_columns_is_what_is_read_line_by_line(lines, has_end):
    data = ("(1.000000) can0 123#11\n" + "\n".join(lines) + "\n" * has_end).encode()
    assert by_columns(data) == by_line(data)


@given(LINES, st.integers(1, 100))
def test_what_a_pipe_gives_in_pieces_is_read_as_a_whole(lines, at_a_time):
    data = ("(1.000000) can0 123#11\n" + "\n".join(lines)).encode()
    assert by_columns(data, at_a_time) == by_columns(data)


@pytest.mark.parametrize(
    ("line", "frames", "skipped"),
    [
        ("(1.5) can0 123#0102", [(1500, 0x123, b"\1\2")], {}),
        ("(1.000000) can0 123##3" + "AB" * 64, [(1000, 0x123, b"\xab" * 64)], {}),
        ("(1.000000) can0 123#01.02", [(1000, 0x123, b"\1\2")], {}),
        ("(1.000000) can0 123#R8", [], {"remote": 1}),
        ("(1.000000) can0 20000080#0000000000000000", [], {"error": 1}),
    ],
)
def test_forms_that_are_not_common_are_read_too(line, frames, skipped):
    rows, tally = by_columns(f"{line}\r\n".encode())
    assert [each[:3] for each in rows] == frames
    assert tally.skipped == skipped
    assert tally.unreadable == 0


@pytest.mark.parametrize(
    "line", ["(1.000000) can0 123#FA1FC", "(1.000000) can0 800#00", "(1.000000) can0 12345#00"]
)
def test_what_is_no_frame_is_counted_and_named(line):
    rows, tally = by_columns(f"(1.000000) can0 123#11\n{line}".encode())
    assert len(rows) == 1
    assert tally.unreadable == 1
    assert tally.examples[0].startswith("line 2: ")


def test_a_line_without_an_end_is_no_reason_to_wait_for_ever():
    rows, tally = by_columns(b"(1.000000) can0 123#11\n" + b"x" * 3_000_000)
    assert (len(rows), tally.unreadable > 0) == (1, True)


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    rows, tally = by_columns(b"\xef\xbb\xbf(1.000000) can0 123#11\n")
    assert (len(rows), tally.total) == (1, 1)
