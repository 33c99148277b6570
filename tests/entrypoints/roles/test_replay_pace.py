"""`telemetry replay`: at which speed a log is played, and how a replay stops."""

import argparse
import asyncio

import pytest

from telemetry.entrypoints.shared import choosing
from tests.builders import NOON
from tests.entrypoints.roles.replaying import FRAMES, run, write


async def test_a_log_is_played_at_the_speed_that_is_asked_for(gateway, drive, dbc, pauses):
    write(drive, [FRAMES[0], FRAMES[2], "(11.0) can0 112#FFFFC30DB701FFFF"])
    assert await run(gateway, drive, dbc, speed=2) == 0
    assert pauses == pytest.approx([0.0005, 0.5])
    assert [record.timestamp_ms - NOON for record in gateway.records] == [0, 1000]


async def test_a_log_that_is_played_at_its_own_speed_starts_now_and_is_believed_to_its_end(
    gateway, drive, dbc, pauses
):
    write(drive, [FRAMES[0], "(3610.0) can0 112#FFFFC30DB701FFFF"])
    assert await run(gateway, drive, dbc, speed=1) == 0
    assert [record.timestamp_ms - NOON for record in gateway.records] == [0, 3_600_000]
    assert pauses[-1] == pytest.approx(3600)


async def test_a_clock_that_was_set_by_years_is_not_waited_for_and_said(gateway, drive, dbc, pauses, capsys):
    write(drive, [FRAMES[0], "(1764000000.0) can0 112#FFFFC30DB701FFFF"])
    assert await run(gateway, drive, dbc, speed=1) == 0
    assert pauses[-1] == pytest.approx(1)
    said = capsys.readouterr().out
    assert "1 gap of more than an hour, of which a second was waited\n" in said
    assert "1 jump of more than a minute, of 1.764e+09 s at the most\n" in said


async def test_a_log_that_is_played_fast_is_never_far_ahead_of_its_sending(gateway, drive, dbc, pauses):
    write(drive, [FRAMES[0], "(3610.0) can0 112#FFFFC30DB701FFFF"])
    assert await run(gateway, drive, dbc, speed=10) == 0
    assert pauses[-1] == pytest.approx(360)
    assert [record.timestamp_ms - NOON for record in gateway.records] == [-3_240_000, 360_000]


async def test_a_log_is_played_as_fast_as_possible_unless_another_speed_is_asked_for(
    gateway, drive, dbc, pauses
):
    await run(gateway, drive, dbc)
    assert set(pauses) == {0}


async def test_a_frame_that_is_not_due_before_the_end_is_not_sent(gateway, tmp_path, dbc):
    path = write(tmp_path / "drive.log", [FRAMES[0], "(1000000.0) can0 112#FFFFC30DB701FFFF"])
    stopping = asyncio.Event()
    gateway.before_post = stopping.set
    assert await run(gateway, path, dbc, stopping, speed=1) == 1
    assert len(gateway.records) == 1


async def test_a_replay_that_is_asked_to_stop_says_how_far_it_came(gateway, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", FRAMES[:1] * 10_000)
    stopping = asyncio.Event()
    gateway.before_post = stopping.set
    assert await run(gateway, path, dbc, stopping) == 1
    assert 0 < len(gateway.records) < 10_000
    assert capsys.readouterr().err == f"{path}: stopped after {len(gateway.records)} frames\n"


@pytest.mark.parametrize("text", ["0", "-1", "nan"])
def test_a_speed_that_is_none_is_refused(text):
    assert choosing.speed("2.5") == 2.5
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        choosing.speed(text)
