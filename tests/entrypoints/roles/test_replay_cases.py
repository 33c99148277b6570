"""`telemetry replay`: what goes wrong with real logs, each in its smallest form."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import can
import pytest

from telemetry.domain.can.frame import UnreadableError
from tests.builders import NOON
from tests.entrypoints.roles.replaying import run, write

HEAD = 'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_:\n\n'
START_MS = 1_764_000_000_000


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.dbc"
    path.write_text(f'{HEAD}BO_ 291 Pack: 8 Vector__XXX\n SG_ v : 0|16@1+ (0.1,0) [0|0] "V" Vector__XXX\n')
    return path


@pytest.fixture
def times(gateway):
    """The times of all records, in milliseconds from the start of the logs."""
    return lambda: [record.timestamp_ms - START_MS for record in gateway.records]


def frame(seconds: float, value: int = 0x10, bus: str = "can0") -> str:
    return f"({1764000000 + seconds:.6f}) {bus} 123#{value:02X}27000000000000"


async def test_a_line_cut_within_a_byte_is_a_fault_and_no_value(gateway, tmp_path, pack, capsys):
    path = write(
        tmp_path / "cut.asc",
        [
            "date Thu Apr 28 10:44:52.480 2022",
            "base hex  timestamps absolute",
            "no internal events logged",
            "Begin Triggerblock Thu Apr 28 10:44:52.480 2022",
            "   0.000000 Start of measurement",
            "   0.100000 1  123             Rx   d 8 10 27 00 00 00 00 00 00",
            "   0.200000 1  123             Rx   d 8 11 27 00 00 00 00 00 00",
        ],
    )
    with path.open("a") as file:
        file.write("   0.300000 1  123             Rx   d 8 12 2")
    assert await run(gateway, path, pack, keep_time=True, timezone="UTC") == 1
    assert [record.payload for record in gateway.records] == [{"v": 1000.0}, {"v": 1000.1}]
    assert (
        "cut.asc: 1 line could not be read as Vector ASC: line 8: it breaks off: " in capsys.readouterr().err
    )


async def test_a_log_without_a_header_gives_its_frames_and_says_so(gateway, tmp_path, pack, capsys):
    lines = [f"   0.{place}00000 1  123             Rx   d 8 10 27 00 00 00 00 00 00" for place in (1, 2)]
    assert await run(gateway, write(tmp_path / "no-header.asc", lines), pack, keep_time=True) == 1
    assert len(gateway.records) == 2
    said = capsys.readouterr().err
    assert "no-header.asc: its header names no base" in said
    assert "no-header.asc: its header names no date, so that its times count from 1970" in said


async def test_a_clock_that_is_set_back_bends_no_time(gateway, tmp_path, pack, times, capsys):
    path = write(tmp_path / "back.log", [*map(frame, (0, 0.1, 0.2)), *map(frame, (-3599.7, -3599.6))])
    assert await run(gateway, path, pack, keep_time=True) == 0
    assert times() == [0, 100, 200, -3_599_700, -3_599_600]
    said = capsys.readouterr().out
    assert "1 time before the time of the frame before, by 3599.9 s at the most\n" in said
    assert " nudged=0 " in said


@pytest.mark.parametrize("is_packed", [False, True])
async def test_a_log_that_was_cut_is_the_same_fault_when_it_was_compressed_afterwards(
    gateway, tmp_path, pack, capsys, is_packed
):
    path = tmp_path / "cut.blf"
    with can.Logger(path) as logger:
        for number in range(6000):
            logger(
                can.Message(
                    timestamp=1764000000 + number / 100,
                    arbitration_id=0x123,
                    data=(1000 + number).to_bytes(8, "little"),
                    is_extended_id=False,
                )
            )
    size = path.stat().st_size
    cut = path.read_bytes()[: size // 2]
    path.write_bytes(gzip.compress(cut) if is_packed else cut)
    assert await run(gateway, path, pack) == 1
    assert 0 < len(gateway.records) < 6000
    assert capsys.readouterr().err == (
        f"{path}: it cannot be read on as Vector BLF: it says that it has {size} bytes, and has {size // 2}\n"
    )


async def test_a_note_in_the_middle_costs_itself(gateway, tmp_path, pack, times, capsys):
    path = write(tmp_path / "note.log", [frame(0), "# driver: left the depot", frame(0.1)])
    assert await run(gateway, path, pack, keep_time=True) == 1
    assert times() == [0, 100]
    said = capsys.readouterr()
    assert "line 2: it is no frame: '# driver: left the depot'" in said.err
    assert said.out.splitlines()[-1].endswith(" unreadable=1")


async def test_the_console_form_of_candump_is_read(gateway, tmp_path, pack, times):
    path = write(tmp_path / "console.log", [" (1764000000.000000)  can0  123   [8]  10 27 00 00 00 00 00 00"])
    assert await run(gateway, path, pack, keep_time=True) == 0
    assert times() == [0]


async def test_an_empty_log_says_that_it_holds_no_frame(gateway, tmp_path, pack, capsys):
    assert await run(gateway, write(tmp_path / "empty.log", []), pack) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'empty.log'}: it holds no frame\n"


async def test_windows_lines_and_frames_without_data_are_no_fault(gateway, tmp_path, pack, capsys):
    path = tmp_path / "crlf.log"
    lines = [
        frame(0),
        "(1764000000.05) can0 123#R8",
        "(1764000000.06) can0 20000080#0000000000000000",
        frame(0.1),
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode())
    assert await run(gateway, path, pack) == 0
    assert len(gateway.records) == 2
    assert "2 frames without data, skipped: remote: 1, error: 1\n" in capsys.readouterr().out


class TestTwoBuses:
    @pytest.fixture
    def path(self, tmp_path) -> Path:
        lines = [
            frame(at / 10, 0x10 if bus == "can0" else 0, bus) for at in range(3) for bus in ("can0", "can1")
        ]
        return write(tmp_path / "two.log", lines)

    async def test_there_is_a_word_that_there_are_two(self, gateway, path, pack, capsys):
        assert await run(gateway, path, pack) == 0
        said = capsys.readouterr().out
        assert "6 frames of 2 buses: can0: 3, can1: 3\n" in said
        assert (
            "1 id is on several buses, so that their records share a can_id: 0x123; --channel chooses" in said
        )

    async def test_one_can_be_chosen(self, gateway, path, pack, times, capsys):
        assert await run(gateway, path, pack, channel=["can0"], keep_time=True) == 0
        assert times() == [0, 100, 200]
        assert {record.payload["v"] for record in gateway.records} == {1000.0}
        said = capsys.readouterr().out
        assert "3 frames of another bus, left out: can1: 3\n" in said
        assert " left_out=3 " in said

    async def test_signals_can_be_named_by_their_bus(self, gateway, path, pack):
        assert await run(gateway, path, pack, name_buses=True) == 0
        assert {name for record in gateway.records for name in record.payload} == {"can0_v", "can1_v"}

    async def test_each_can_have_its_own_definitions(self, gateway, path, pack):
        assert await run(gateway, path, pack, dbcs=[f"can1={pack}"]) == 0
        assert {record.payload["v"] for record in gateway.records} == {998.4}

    async def test_a_bus_that_is_not_there_fails_the_replay(self, gateway, path, pack, capsys):
        assert await run(gateway, path, pack, channel=["can7"]) == 1
        assert "none of 6 frames is left to be decoded: can0: 3, can1: 3\n" in capsys.readouterr().err


async def test_frames_that_the_logger_sent_can_be_left_out(gateway, tmp_path, pack, capsys):
    path = write(tmp_path / "sent.log", [f"{frame(0)} R", f"{frame(0.1)} T"])
    assert await run(gateway, path, pack, received_only=True) == 0
    assert len(gateway.records) == 1
    assert "1 frame that the logger sent itself, left out: sent: 1\n" in capsys.readouterr().out


async def test_several_logs_follow_each_other_in_one_time(gateway, tmp_path, pack, times):
    paths = [write(tmp_path / f"{name}.log", [frame(name)]) for name in (2, 10)]
    (tmp_path / "notes.txt").write_text("nothing\n")
    assert await run(gateway, paths[0], pack, files=[str(tmp_path / "[0-9]*.log")], keep_time=True) == 0
    assert times() == [2000, 10_000]


async def test_logs_without_a_date_are_not_put_in_one_time(gateway, tmp_path, pack):
    paths = [str(write(tmp_path / f"{name}.log", ["(1.000000) can0 123#00"])) for name in "ab"]
    with pytest.raises(
        UnreadableError, match="it has no date, so that its times do not fit those of other logs"
    ):
        await run(gateway, tmp_path, pack, files=paths)


class TestDryRun:
    @pytest.fixture
    def path(self, tmp_path) -> Path:
        lines = [frame(at / 10) for at in range(5)] + [
            f"({1764000001 + at}.0) can0 0A5#00" for at in range(2)
        ]
        return write(tmp_path / "drive.log", lines)

    async def test_it_shows_each_id_with_its_rate_and_its_signals_and_posts_nothing(
        self, gateway, path, pack, capsys
    ):
        assert await run(gateway, path, pack, dry_run=True, vehicle_id="") == 0
        assert gateway.records == []
        said = capsys.readouterr().out
        assert f"{path}: candump -L, 7 frames\n" in said
        row = next(line for line in said.splitlines() if "0x123" in line)
        assert [cell.strip() for cell in row.split("│")[1:-1]] == [
            "can0 0x123",
            "5",
            "10.0",
            "8",
            "5",
            "v=1000",
        ]

    async def test_it_shows_the_most_frequent_ids_and_all_on_demand(self, gateway, tmp_path, pack, capsys):
        lines = [frame(0), *(f"(1764000001.0) can0 {can_id:03X}#00" for can_id in range(12))]
        path = write(tmp_path / "drive.log", lines)
        assert await run(gateway, path, pack, dry_run=True) == 0
        assert "13 ids, 10 of which are shown (--all shows all)\n" in capsys.readouterr().out
        assert await run(gateway, path, pack, dry_run=True, all=True) == 0
        assert "\n13 ids\n" in capsys.readouterr().out

    async def test_as_json_it_has_all_of_it(self, gateway, path, pack, capsys):
        assert await run(gateway, path, pack, dry_run=True, summary="json") == 0
        found = json.loads(capsys.readouterr().out)
        assert found["totals"]["read"] == 7
        assert [(each["can_id"], each["frames"], each["decoded"]) for each in found["ids"]] == [
            ("0xA5", 2, 0),
            ("0x123", 5, 5),
        ]

    async def test_without_a_frame_it_shows_no_table(self, gateway, tmp_path, pack, capsys):
        assert await run(gateway, write(tmp_path / "empty.log", []), pack, dry_run=True) == 1
        assert "┃" not in capsys.readouterr().out


async def test_the_summary_as_json_is_one_object_and_nothing_else(gateway, tmp_path, pack, capsys):
    path = write(tmp_path / "drive.log", [frame(0), "?", f"{frame(0.1)}", "(1764000000.2) can0 123#R"])
    assert await run(gateway, path, pack, summary="json") == 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["totals"] == {
        "read": 2,
        "decoded": 2,
        "posted": 2,
        "accepted": 2,
        "undefined": 0,
        "undecodable": 0,
        "blank": 0,
        "unavailable": 0,
        "nudged": 0,
        "left_out": 0,
        "skipped": 1,
        "unreadable": 1,
    }
    (log,) = found["logs"]
    assert (log["name"], log["format"], log["unreadable"]) == (str(path), "candump -L", 1)
    assert len(found["faults"]) == 1


async def test_a_file_of_a_folder_that_is_no_log_is_said_and_left_out(gateway, tmp_path, pack, capsys):
    (tmp_path / "logs").mkdir()
    path = write(tmp_path / "logs" / "drive.log", [frame(0)])
    (path.parent / "photo.png").write_bytes(b"\x89PNG")
    assert await run(gateway, path.parent, pack) == 0
    assert capsys.readouterr().err == f"left out: {path.parent / 'photo.png'}: it seems to be a picture\n"


@pytest.mark.parametrize("lines", [[frame(0), frame(0.1)]])
async def test_a_log_ends_now_unless_it_is_asked_to_keep_its_time(
    gateway, tmp_path, pack, lines: Sequence[str]
):
    assert await run(gateway, write(tmp_path / "drive.log", lines), pack) == 0
    assert [record.timestamp_ms - NOON for record in gateway.records] == [-100, 0]


def definitions(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.dbc"
    path.write_text(HEAD + text)
    return path


OVERLAP = (
    "BO_ 291 Pack: 8 X\n"
    ' SG_ soc : 7|16@0+ (0.1,0) [0|0] "%" X\n'
    ' SG_ soc_fine : 3|12@0+ (0.1,0) [0|0] "%" X\n'
    ' SG_ temp : 39|8@0+ (1,-40) [0|0] "degC" X\n'
)
PAGES = (
    "BO_ 291 Daq: 8 X\n"
    ' SG_ pid M : 0|8@1+ (1,0) [0|0] "" X\n'
    ' SG_ soc : 48|16@1+ (0.1,0) [0|0] "" X\n'
    ' SG_ p m0 : 8|16@1+ (1,0) [0|0] "" X\n'
)
PLAIN = 'BO_ 291 Pack: 8 X\n SG_ v : 0|16@1+ (0.1,0) [0|0] "V" X\n\n'


@pytest.mark.parametrize(
    ("text", "line", "payloads"),
    [
        (
            OVERLAP,
            "123#03E8000041000000",
            [{"soc": 100.0, "soc_fine": 100.0, "temp": 25.0}],
        ),
        (
            'BO_ 512 Fd: 64 X\n SG_ a : 0|16@1+ (1,0) [0|0] "" X\n',
            f"200##001{'00' * 63}",
            [{"a": 1.0}],
        ),
        (
            PLAIN + 'BO_ 292 Awd: 8 X\n SG_ _4WD_Status : 0|8@1+ (1,0) [0|0] "" X\n',
            "123#1027000000000000",
            [{"v": 1000.0}],
        ),
        (
            f'{PLAIN}BO_ 292 T: 8 X\n SG_ CellV : 0|8@1+ (1,0) [0|0] "" X\n SG_ Cell_V : 8|8@1+ (1,0) [0|0] "" X\n',
            "124#0506000000000000",
            [{"cell_v": 5.0, "cell_v_2": 6.0}],
        ),
        (PLAIN + 'VAL_ 291 gone 0 "off" 1 "on" ;\n', "123#1027000000000000", [{"v": 1000.0}]),
        (
            PAGES,
            "123#0D1027000000E803",
            [{"pid": 13.0, "soc": 100.0}],
        ),
    ],
)
async def test_one_odd_thing_in_definitions_costs_no_other_value(gateway, tmp_path, text, line, payloads):
    path = write(tmp_path / "one.log", [f"(1764000000.000000) can0 {line}"])
    assert await run(gateway, path, definitions(tmp_path, text), keep_time=True) == 0
    assert [record.payload for record in gateway.records] == payloads


async def test_a_frame_of_80_signals_is_one_record(gateway, tmp_path):
    cells = "".join(f' SG_ cell_{n} : {6 * n}|6@1+ (0.1,0) [0|0] "V" X\n' for n in range(80))
    path = write(tmp_path / "cells.log", [f"(1764000000.000000) can0 123##0{'11' * 64}"])
    assert await run(gateway, path, definitions(tmp_path, f"BO_ 291 Cells: 64 X\n{cells}")) == 0
    (record,) = gateway.records
    assert len(record.payload) == 80


ENGINE = (
    'BO_ 2364540158 EEC1: 8 X\n SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X\n\n'
    'BO_ 2566843390 Names: 20 X\n SG_ last : 152|8@1+ (1,0) [0|250] "" X\n'
)


async def test_messages_of_j1939_are_found_by_their_group_and_their_sender_stays_in_the_can_id(
    gateway, tmp_path
):
    lines = [
        "(1764000000.000000) can0 0CF00400#F07D859B0FFFFF85",
        "(1764000000.100000) can0 0CF00421#F07D85A00FFFFF85",
    ]
    path = write(tmp_path / "j1939.log", lines)
    assert await run(gateway, path, definitions(tmp_path, ENGINE), keep_time=True) == 0
    assert [(record.can_id, record.payload) for record in gateway.records] == [
        ("0xCF00400", {"engine_speed": 499.375}),
        ("0xCF00421", {"engine_speed": 500.0}),
    ]


async def test_a_message_of_j1939_that_comes_in_several_frames_is_put_together(
    gateway, tmp_path, times, capsys
):
    packets = [f"(1764000000.{place}00000) can0 1CEBFF21#0{place}{'05' * 7}" for place in (1, 2, 3)]
    begin = "(1764000000.000000) can0 1CECFF21#20140003FFEBFE00"
    other = "(1764000000.150000) can0 0CF00421#F07D85A00FFFFF85"
    path = write(tmp_path / "long.log", [begin, packets[0], other, *packets[1:], begin])
    assert await run(gateway, path, definitions(tmp_path, ENGINE), keep_time=True) == 0
    assert [(record.can_id, record.payload) for record in gateway.records] == [
        ("0xCF00421", {"engine_speed": 500.0}),
        ("0x1CFEEB21", {"last": 5.0}),
    ]
    assert times() == [150, 300]
    said = capsys.readouterr().out
    assert "1 message of several frames that is not complete: 0x1CFEEB21: 1\n" in said
    assert "read=6 decoded=2 posted=2 accepted=2 undefined=0 " in said
    assert said.rstrip().endswith("packets=4")
    assert await run(gateway, path, definitions(tmp_path, ENGINE), dry_run=True) == 0
    assert "0x1CFEEB21" in capsys.readouterr().out
