"""What every log promises, in the words of `telemetry.domain.can.source`."""

import asyncio
from contextlib import aclosing

import pytest

from telemetry.adapters.can.logs.source import LogSource
from telemetry.domain.can.frame import UnreadableError
from telemetry.domain.can.measured import Block
from tests.can_logs import (
    BINARIES,
    FRAMES,
    PACKED,
    SAY_NOT_WHO_SENT,
    START_S,
    TEXTS,
    Logged,
    open_log,
    read,
    write,
    zipped,
)

KINDS = [*TEXTS, *BINARIES]


async def first_of(log: LogSource) -> Block:
    async with aclosing(log.blocks()) as blocks:
        return await anext(blocks)


def expected(kind: str) -> list[Logged]:
    return [each._replace(is_sent=False) if kind in SAY_NOT_WHO_SENT else each for each in FRAMES]


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_gives_its_frames_in_their_order_and_is_recognised_by_what_is_in_it(tmp_path, kind):
    log = open_log(write(tmp_path, kind, FRAMES))
    assert read(log) == expected(kind)
    assert log.kind == kind.removesuffix(" 1.1")
    assert log.tally.fault is None
    assert 0 < log.position == log.size


@pytest.mark.parametrize("kind", KINDS)
def test_times_count_from_1970_in_utc(tmp_path, kind):
    log = open_log(write(tmp_path, kind, FRAMES))
    first = asyncio.run(first_of(log))
    assert first.times_us[0] / 1e6 == pytest.approx(START_S, abs=1e-3)
    assert log.is_dated


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_log_may_be_compressed(tmp_path, kind, packed):
    path = write(tmp_path, kind, FRAMES)
    path.write_bytes(PACKED[packed](path.read_bytes()))
    log = open_log(path)
    assert read(log) == expected(kind)
    assert log.position == log.size


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_may_be_in_a_zip_archive(tmp_path, kind):
    log = open_log(zipped(write(tmp_path, kind, FRAMES)))
    assert log.name.endswith("drive.zip/drive.dat")
    assert read(log) == expected(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_can_be_read_again_and_is_counted_anew(tmp_path, kind):
    log = open_log(write(tmp_path, kind, FRAMES))
    log.check()
    assert read(log) == read(log)
    assert log.tally.frames == log.tally.total == len(FRAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_may_be_left_before_its_end(tmp_path, kind):
    log = open_log(write(tmp_path, kind, FRAMES * 20_000))
    first = asyncio.run(first_of(log))
    assert 0 < first.size < len(FRAMES) * 20_000


@pytest.mark.parametrize("kind", TEXTS)
def test_a_line_that_cannot_be_read_costs_itself_and_is_named(tmp_path, kind):
    path = write(tmp_path, kind, FRAMES)
    whole = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*whole[:-3], b"driver: left the depot", *whole[-3:]]))
    log = open_log(path)
    assert read(log) == expected(kind)
    assert (log.tally.frames, log.tally.unreadable, log.tally.total) == (4, 1, 5)
    (example,) = log.tally.examples
    assert example.startswith(f"line {len(whole) - 2}: ")
    assert "driver" in example


@pytest.mark.parametrize("kind", [kind for kind in TEXTS if kind != "python-can CSV"])
def test_a_line_that_breaks_off_within_a_byte_is_damage_and_no_value(tmp_path, kind):
    path = write(tmp_path, kind, FRAMES[:1])
    end = path.read_bytes().rindex(b"58")
    path.write_bytes(path.read_bytes()[: end + 1])
    log = open_log(path)
    assert not read(log)
    assert log.tally.unreadable == log.tally.total == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "MDF"])  # whose index is at its end
@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_log_that_breaks_off_gives_the_same_whether_it_is_compressed_or_not(tmp_path, kind, part):
    path = write(
        tmp_path, kind, [FRAMES[0]._replace(at_ms=row, data=row.to_bytes(8)) for row in range(20_000)]
    )
    cut = path.read_bytes()[: int(path.stat().st_size * part)]
    path.write_bytes(cut)
    plain = open_log(path)
    frames = read(plain)
    assert 0 < len(frames) < 20_000
    path.write_bytes(PACKED["gz"](cut))
    packed = open_log(path)
    assert read(packed) == frames
    assert packed.tally == plain.tally


@pytest.mark.parametrize("packed", [each for each in PACKED if each != "plain"])
def test_compressed_bytes_that_break_off_are_a_fault_after_the_frames_before(tmp_path, packed):
    path = write(
        tmp_path, "candump -L", [each._replace(at_ms=7 * row) for row, each in enumerate(FRAMES * 9000)]
    )
    whole = PACKED[packed](path.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    log = open_log(path)
    assert len(read(log)) < 36_000
    assert log.tally.fault is not None


@pytest.mark.parametrize("kind", TEXTS)
def test_what_is_a_log_no_more_ends(tmp_path, kind):
    path = write(tmp_path, kind, FRAMES)
    path.write_bytes(path.read_bytes() + b"this is a novel\n" * 5000)
    log = open_log(path)
    assert read(log) == expected(kind)
    assert log.tally.unreadable == 1000
    assert log.tally.fault is not None
    assert log.tally.fault.startswith("1000 lines in a row")


def test_an_empty_log_holds_no_frame(tmp_path):
    (tmp_path / "drive.log").write_bytes(b"")
    log = open_log(tmp_path / "drive.log")
    log.check()
    assert not read(log)
    assert log.tally.total == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b'VERSION ""\n\nBO_ 291 Pack: 8 X\n', "a DBC file, which holds definitions; give it to --dbc"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "a capture of packets"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\xff\xfe(\x001\x00", "a text in UTF-16; save it as UTF-8"),
        (b'<?xml version="1.0"?>\n', "an XML file"),
        (b'{"timestamp": "2025-10-19T12:00:00Z"}\n', "a file of records"),
        (b"Call me Ishmael.\n", "a text that is no log of a known kind: Vector BLF, "),
        (b"\0\1\2\3" * 20, "binary data that is no log of a known kind: "),
    ],
)
def test_what_is_no_log_is_refused_with_a_guess_at_what_it_is(tmp_path, content, what):
    (tmp_path / "drive.log").write_bytes(content)
    log = open_log(tmp_path / "drive.log")
    with pytest.raises(UnreadableError, match=r"drive\.log: it seems to be ") as refusal:
        log.check()
    assert what in str(refusal.value)
    assert not read(log)
    assert log.tally.fault is not None
    assert what in log.tally.fault
