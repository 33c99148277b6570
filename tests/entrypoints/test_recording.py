"""`telemetry simulator --output` writes what the cars' buses carry."""

import asyncio
import sys

import pytest

from telemetry.adapters.can.dbc import Dbc
from telemetry.adapters.can.log import CanLog
from telemetry.domain.frame import Decoded
from telemetry.domain.message import Record
from telemetry.domain.simulate import Simulate
from telemetry.entrypoints import cli, recording
from telemetry.entrypoints.settings import SettingsError

NOW = 1_760_875_200_000


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf"])
def test_one_vehicle_is_written_to_the_file_that_is_named(tmp_path, monkeypatch, capsys, suffix):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("API_KEY", raising=False)  # nothing is posted
    path = f"can{suffix}"
    assert cli.main(["simulator", "--vehicles", "1", "--duration", "1", "--output", path]) == 0
    assert capsys.readouterr().out == "wrote 21 frames of 1 vehicles to ./\n"
    ids = [frame.can_id for frame in CanLog(tmp_path / path)]
    assert ids[:5] == [0x112, 0x1F0, 0x1FA, 0x431, 0x432]
    assert len(ids) == 21


@pytest.mark.parametrize("more", [["--ledger", "run.jsonl"], ["--offline"], ["--corrupt", "0.5"]])
def test_what_makes_sense_only_where_records_are_sent_is_refused(more, capsys):
    with pytest.raises(SystemExit):
        cli.main(["simulator", "--output", "can.log", *more])
    assert "with --output nothing is sent" in capsys.readouterr().err


async def test_each_of_many_vehicles_is_written_to_a_file_of_its_own(tmp_path):
    await recording.record(Simulate(3, seed=1), tmp_path / "can.log", NOW, 0.4, asyncio.Event())
    logs = sorted(tmp_path.iterdir())
    assert [log.name for log in logs] == [f"can-veh-0000{number}.log" for number in (1, 2, 3)]
    assert [len(list(CanLog(log))) for log in logs] == [9, 9, 9]
    assert next(iter(CanLog(logs[0]))).timestamp * 1000 == pytest.approx(NOW)


async def test_a_recording_that_is_told_to_stop_is_whole_as_far_as_it_goes(tmp_path):
    stopping = asyncio.Event()
    stopping.set()
    await recording.record(Simulate(1, seed=1), tmp_path / "can.blf", NOW, 3600, stopping)
    log = CanLog(tmp_path / "can.blf")
    assert (len(list(log)), log.fault) == (5, None)


class Moving(Simulate):
    """A fleet that tells its speed."""

    def __call__(self, timestamp: int) -> list[Record]:
        return [Record(timestamp, "veh-1", "0x1F0", {"battery_soc": 50.0, "vehicle_speed": 48.5})]


async def test_a_vehicle_that_knows_its_speed_sends_it_protected(tmp_path):
    await recording.record(Moving(1, seed=1), tmp_path / "can.log", NOW, 1, asyncio.Event())
    speeds = [frame for frame in CanLog(tmp_path / "can.log") if frame.can_id == 0x1A1]
    assert Dbc().decode(speeds) == [Decoded({"vehicle_speed": 48.5}, ())] * 5
    assert [frame.data[1] & 0x0F for frame in speeds] == [0, 1, 2, 3, 4]


async def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "telemetry.adapters.can.log", raising=False)
    monkeypatch.setitem(sys.modules, "can", None)
    with pytest.raises(SettingsError, match=r"^can is not installed: pip install 'telemetry\[can\]'$"):
        await recording.record(Simulate(1, seed=1), tmp_path / "can.log", NOW, 1, asyncio.Event())


def test_a_log_and_a_picture_are_not_asked_for_together(capsys):
    with pytest.raises(SystemExit):
        cli.main(["simulator", "--output", "can.log", "--plot", "drive.png"])
    assert "--plot: not allowed with argument --output" in capsys.readouterr().err
