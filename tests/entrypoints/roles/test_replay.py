"""`telemetry replay`: which records the frames of a log become, and what is said of the others."""

import gzip
import json

import msgspec
import pytest

from telemetry.adapters.can.logs.record import CanRecorder
from telemetry.domain.can.frame import Frame
from telemetry.domain.contract.moment import HOUR_MS
from tests.builders import LOGGED_S, NOON, POLICY
from tests.entrypoints.roles.replaying import FRAMES, run, write
from tests.fakes import FakeGateway


async def test_each_decodable_frame_lands_and_each_other_is_accounted_for(gateway, drive, dbc, capsys):
    assert await run(gateway, drive, dbc) == 0
    assert [(record.timestamp_ms - NOON, record.payload) for record in gateway.records] == [
        (-5, {"pack_voltage_v": 352.3, "battery_soc": 43.9}),
        (-4, {"pack_voltage_v": 352.4, "battery_soc": 43.9}),
        (-3, {"battery_soc": 43.9}),
        (-1, {"pack_voltage_v": 352.3}),
    ]
    assert {(record.vehicle_id, record.can_id) for record in gateway.records} == {("veh-1", "0x112")}
    assert gateway.is_closed
    assert capsys.readouterr().out.splitlines() == [
        "sent 4 records, 4 accepted, 0 rejected",
        "1 frame without a definition: 0xA5: 1",
        "1 frame that could not be decoded: 0x112 (1 bytes hold none of its signals whole): 1",
        "1 frame shorter than the definition, decoded as far as the data goes: 0x112: 1",
        "3 values not available, left out: pack_voltage_v (0x112): 2, battery_soc (0x112): 1",
        "1 frame with no value available, not posted: 0x112: 1",
        "1 frame nudged to a free millisecond, by 1 ms at the most: 0x112: 1",
        "1 frame without data, skipped: remote: 1",
        (
            "replay: read=7 decoded=5 posted=4 accepted=4 undefined=1 undecodable=1 blank=1 unavailable=3 nudged=1 "
            "left_out=0 skipped=1 unreadable=0"
        ),
    ]


async def test_without_definitions_the_packages_own_are_taken(gateway, drive):
    assert await run(gateway, drive, None) == 0
    payload = gateway.records[0].payload
    assert payload == {"battery_voltage": 352.3, "battery_soc": 43.9}


async def test_a_log_starts_at_another_moment_if_it_is_asked_to(gateway, drive, dbc, capsys):
    assert await run(gateway, drive, dbc, start_ms=NOON - HOUR_MS) == 0
    assert gateway.records[0].timestamp_ms == NOON - HOUR_MS
    assert capsys.readouterr().err == ""


async def test_a_log_that_keeps_its_time_says_that_it_lies_in_1970(gateway, drive, dbc, capsys):
    assert await run(gateway, drive, dbc, keep_time=True) == 0
    assert gateway.records[0].timestamp_ms == 10_000
    assert capsys.readouterr().err.startswith(
        "4 records lie more than 604800 s before or 300 s after the moment"
    )


async def test_what_lies_too_far_in_the_future_is_said_to_be_skewed(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "long.log", [FRAMES[0], "(400.000000) can0 112#FFFFC30DB701FFFF"])
    assert await run(gateway, path, dbc, start_ms=NOON) == 0
    assert capsys.readouterr().err.startswith("1 record lies more than")


@pytest.mark.parametrize("suffix", [".log", ".log.gz", ".asc", ".blf"])
async def test_a_log_of_an_hour_ends_now_and_all_of_it_is_believed(gateway, tmp_path, dbc, capsys, suffix):
    path, length_s = tmp_path / f"hour{suffix}", 3600
    with CanRecorder(path.with_suffix("") if suffix == ".log.gz" else path) as recorder:
        for second in range(length_s + 1):
            recorder.write(Frame(LOGGED_S + second + 0.25, 0x112, bytes.fromhex("FFFFC30DB701FFFF")))
    if suffix == ".log.gz":
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    assert await run(gateway, path, dbc) == 0
    assert [record.timestamp_ms - NOON for record in gateway.records] == list(
        range(-length_s * 1000, 1, 1000)
    )
    places = [POLICY.place(msgspec.structs.replace(each, received_ms=NOON)) for each in gateway.records]
    assert {place.tree for place in places} == {"raw"}
    said = capsys.readouterr()
    assert said.err == ""  # nothing is skewed
    assert said.out.splitlines()[-1].startswith("replay: read=3601 decoded=3601 posted=3601 accepted=3601 ")


async def test_of_many_unknown_ids_the_most_frequent_are_named_and_all_if_asked_for(
    gateway, tmp_path, dbc, capsys
):
    unknown = [f"(10.{number:06d}) can0 {0x300 + number:03X}#00" for number in range(1, 14)]
    path = write(tmp_path / "busy.log", [FRAMES[0], *unknown, *unknown[6:7]])
    assert await run(gateway, path, dbc) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("14 frames without a definition: 0x307: 2, 0x301: 1, 0x302: 1, ")
    assert line.endswith("0x30A: 1, and 3 more (--all names all)")
    assert await run(gateway, path, dbc, all=True) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.endswith("0x30C: 1, 0x30D: 1")


async def test_what_is_physically_impossible_is_left_out_and_counted(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [FRAMES[0], "(1.0) can0 113#C8", "(2.0) can0 113#32"])
    assert await run(gateway, path, dbc) == 0
    said = capsys.readouterr().out
    assert len(gateway.records) == 2
    assert "1 value physically impossible, left out: battery_soc (0x113): 1\n" in said
    assert "posted=2 accepted=2" in said


async def test_what_is_mended_in_definitions_is_said_once(gateway, tmp_path, dbc, capsys):
    odd = tmp_path / "odd.dbc"
    names = [f"_{number}WD" for number in range(12)]
    signals = (f' SG_ {name} : {place}|1@1+ (1,0) [0|0] "" X\n' for place, name in enumerate(names))
    odd.write_text(dbc.read_text() + "\nBO_ 300 Odd: 2 X\n" + "".join(signals))
    path = write(tmp_path / "drive.log", [*FRAMES, "(11.0) can0 12C#0100"])
    assert await run(gateway, path, odd) == 0
    said = capsys.readouterr().out
    assert f"{odd}: renamed: _0WD is named signal_0_wd (Odd), " in said
    assert ", and 2 more (--all names all)\n" in said
    assert said.count("renamed") == 1
    assert gateway.records[-1].payload["signal_0_wd"] == 1
    assert await run(gateway, path, odd, summary="json") == 0
    found = json.loads(capsys.readouterr().out)["definitions"]
    assert len(found[str(odd)]["renamed"]) == 12


async def test_a_receiver_that_goes_away_fails_the_replay(drive, dbc, capsys):
    assert await run(FakeGateway(bodies_left=0), drive, dbc) == 1
    said = capsys.readouterr()
    assert "posted=4 accepted=0" in said.out
    assert said.err == "not sent: gone\n"


async def test_a_damaged_line_costs_itself_and_fails_the_replay(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [*FRAMES[:1], "damaged", *FRAMES])
    assert await run(gateway, path, dbc) == 1
    assert len(gateway.records) == 5
    said = capsys.readouterr().err
    assert said == f"{path}: 1 line could not be read as candump -L: line 2: it is no frame: 'damaged'\n"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "it holds no frame"),
        (
            ["(1.0) can0 112#R", "(1.0) can0 20000080#00"],
            "it holds no frame with data, only remote: 1, error: 1",
        ),
    ],
)
async def test_a_log_without_a_data_frame_fails_the_replay(gateway, drive, dbc, capsys, lines, complaint):  # noqa: PLR0913, PLR0917  # fixtures
    path = write(drive, lines)
    assert await run(gateway, path, dbc) == 1
    assert capsys.readouterr().err == f"{path}: {complaint}\n"


async def test_definitions_of_another_car_fail_the_replay_by_their_name(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", ["(1.0) can0 0A5#00"])
    assert await run(gateway, path, dbc) == 1
    assert capsys.readouterr().err == (
        f"none of 1 frame has a definition in {dbc}; is it that of this car and bus?\n"
    )
    assert await run(gateway, path, None) == 1
    assert "in bmw_i3.dbc, which are taken because no --dbc is given;" in capsys.readouterr().err


async def test_a_log_of_which_no_frame_has_a_value_fails_the_replay(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [FRAMES[4]])
    assert await run(gateway, path, dbc) == 1
    assert capsys.readouterr().err == "none of 1 frame has a value that could be posted\n"
