"""`telemetry replay`: which records the frames of a log become, and what is said of the others."""

import pytest

from telemetry.domain.contract.moment import HOUR_MS
from tests.builders import NOON
from tests.entrypoints.roles.replaying import FRAMES, run, write
from tests.fakes import FakeGateway


async def test_each_decodable_frame_lands_from_now_on_and_each_other_is_accounted_for(
    gateway, drive, dbc, capsys
):
    assert await run(gateway, drive, dbc) == 0
    assert [(record.timestamp_ms - NOON, record.payload) for record in gateway.records] == [
        (0, {"pack_voltage_v": 352.3, "battery_soc": 43.9}),
        (1, {"pack_voltage_v": 352.4, "battery_soc": 43.9}),
        (2, {"battery_soc": 43.9}),
        (4, {"pack_voltage_v": 352.3}),
    ]
    assert {(record.vehicle_id, record.can_id) for record in gateway.records} == {("veh-1", "0x112")}
    assert gateway.is_closed
    assert capsys.readouterr().out.splitlines() == [
        "sent 4 records, 4 accepted, 0 rejected",
        "1 frames without a definition: 0xA5: 1",
        "1 frames that could not be decoded: 0x112 (1 bytes hold none of its signals whole): 1",
        "1 frames shorter than their definition, decoded as far as they go: 0x112: 1",
        "3 values not available, left out: pack_voltage_v (0x112): 2, battery_soc (0x112): 1",
        "1 frames with no value available, not posted: 0x112: 1",
        "1 frames nudged to a free millisecond, by 1 ms at the most: 0x112: 1",
        "1 frames without data, skipped: remote: 1",
        "replay: read=7 decoded=5 posted=4 accepted=4 undefined=1 undecodable=1 blank=1 unavailable=3 nudged=1",
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
    assert await run(gateway, path, dbc) == 0
    assert capsys.readouterr().err.startswith("1 records lie more than")


async def test_what_is_physically_impossible_is_rejected_and_fails_the_replay(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [FRAMES[0], "(1.0) can0 113#C8", "(2.0) can0 113#32"])
    assert await run(gateway, path, dbc) == 1
    said = capsys.readouterr()
    assert len(gateway.records) == 2
    assert "posted=3 accepted=2" in said.out
    assert said.err == "rejected: payload.battery_soc: 200 is outside 0 to 100 %\n"


async def test_a_receiver_that_goes_away_fails_the_replay(drive, dbc, capsys):
    assert await run(FakeGateway(bodies_left=0), drive, dbc) == 1
    said = capsys.readouterr()
    assert "posted=4 accepted=0" in said.out
    assert said.err == "not sent: gone\n"


async def test_a_damaged_log_lands_as_far_as_it_goes_and_fails_the_replay(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [*FRAMES[:1], "damaged", *FRAMES])
    assert await run(gateway, path, dbc) == 1
    assert len(gateway.records) == 1
    assert capsys.readouterr().err.startswith(f"{path}: it cannot be read on as candump -L: ")


@pytest.mark.parametrize("lines", [[], ["(1.0) can0 0A5#00"]])
async def test_a_log_of_which_nothing_could_be_posted_fails_the_replay(gateway, tmp_path, dbc, capsys, lines):
    assert await run(gateway, write(tmp_path / "drive.log", lines), dbc) == 1
    complaint = f"none of {len(lines)} frames could be posted; is the DBC that of this bus?\n"
    assert capsys.readouterr().err.endswith(complaint)
