"""`telemetry simulator --output` writes what the cars' buses carry."""

import asyncio
import sys

import numpy as np
import pytest
from dependency_injector import providers

from telemetry.adapters.can.catalogue import read
from telemetry.adapters.clock import ManualClock
from telemetry.domain.vehicle.battery import Scenario
from telemetry.domain.vehicle.battery.trace import Trace
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.extras import MissingExtraError
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import recording
from tests.adapters.can.decoding import decode
from tests.builders import NOON
from tests.can_logs import read_frames
from tests.can_outcomes import Decoded


def container() -> Container:
    return Container(settings=Settings(), clock=providers.Object(ManualClock(NOON)))


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf", ".trc", ".csv"])
def test_one_vehicle_is_written_to_the_file_that_is_named(tmp_path, monkeypatch, capsys, suffix):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("API_KEY", raising=False)  # nothing is posted
    path = f"can{suffix}"
    assert cli.main(["simulator", "--vehicles", "1", "--duration", "1", "--output", path]) == 0
    assert capsys.readouterr().out == "wrote 31 frames of 1 vehicle to ./\n"
    ids = [frame.can_id for frame in read_frames(tmp_path / path)]
    assert ids[:7] == [0x112, 0x1A1, 0x1F0, 0x1FA, 0x2F5, 0x431, 0x432]
    assert len(ids) == 31


@pytest.mark.parametrize("more", [["--ledger", "run.jsonl"], ["--offline"], ["--corrupt", "0.5"]])
def test_what_makes_sense_only_where_records_are_sent_is_refused(more, capsys):
    with pytest.raises(SystemExit):
        cli.main(["simulator", "--output", "can.log", *more])
    assert "with --output nothing is sent" in capsys.readouterr().err


async def test_each_of_many_vehicles_is_written_to_a_file_of_its_own(tmp_path):
    await recording.record(container(), Simulation(3, seed=1), tmp_path / "can.log", 0.4, asyncio.Event())
    logs = sorted(tmp_path.iterdir())
    assert [log.name for log in logs] == [f"can-veh-0000{number}.log" for number in (1, 2, 3)]
    assert [len(read_frames(log)) for log in logs] == [13, 13, 13]
    assert read_frames(logs[0])[0].timestamp_s * 1000 == pytest.approx(NOON)


async def test_a_recording_that_is_asked_to_stop_is_whole_as_far_as_it_goes(tmp_path):
    stopping = asyncio.Event()
    stopping.set()
    await recording.record(container(), Simulation(1, seed=1), tmp_path / "can.blf", 3600, stopping)
    assert len(read_frames(tmp_path / "can.blf")) == 7


async def test_the_speed_is_sent_protected(tmp_path):
    trace = Trace(np.array([0.0, 10.0]), speed=np.array([0.0, 20.0]))
    simulated = Simulation(1, seed=1, scenario=Scenario(trace=trace))
    await recording.record(container(), simulated, tmp_path / "can.log", 1, asyncio.Event())
    speeds = [frame for frame in read_frames(tmp_path / "can.log") if frame.can_id == 0x1A1]
    assert [frame.data[1] & 0x0F for frame in speeds] == [0, 1, 2, 3, 4]
    decoded = [each for each in decode(read(), *speeds) if isinstance(each, Decoded)]
    sent = [each.signals["vehicle_speed"] for each in decoded]
    assert sent == pytest.approx([1.44, 2.88, 4.32, 5.76, 7.2], abs=0.008)  # km/h


async def test_a_car_of_which_only_the_current_is_known_sends_no_speed(tmp_path):
    trace = Trace(np.array([0.0, 10.0]), current=np.array([-5.0, -5.0]))
    simulated = Simulation(1, seed=1, scenario=Scenario(trace=trace))
    await recording.record(container(), simulated, tmp_path / "can.log", 1, asyncio.Event())
    assert 0x1A1 not in {frame.can_id for frame in read_frames(tmp_path / "can.log")}


async def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "telemetry.adapters.can.logs.record", raising=False)
    monkeypatch.setitem(sys.modules, "can", None)
    with pytest.raises(MissingExtraError, match=r"^can is not installed: pip install -e '.*\[can\]'$"):
        await recording.record(container(), Simulation(1, seed=1), tmp_path / "can.log", 1, asyncio.Event())


def test_a_log_and_a_picture_are_not_asked_for_together(capsys):
    with pytest.raises(SystemExit):
        cli.main(["simulator", "--output", "can.log", "--plot", "drive.png"])
    assert "--plot: not allowed with argument --output" in capsys.readouterr().err
