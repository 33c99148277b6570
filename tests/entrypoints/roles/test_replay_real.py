"""`telemetry replay`: logs of real cars, and logs that simulated ones wrote."""

import asyncio
from collections import defaultdict

import pytest
from dependency_injector import providers

from telemetry.adapters.clock import ManualClock
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import recording
from tests.builders import NOON, identity
from tests.entrypoints.roles.replaying import run


async def test_the_real_log_lands_whole(gateway, real_data, capsys):
    path, dbc = real_data / "i3_can_logs" / "2019_ionity_enda.log.gz", real_data / "i3_sme_facts.dbc"
    assert await run(gateway, path, dbc) == 0
    assert len({identity(record) for record in gateway.records}) == 6074
    said = capsys.readouterr()
    assert "66 values not available, left out: charge_time_left_min (0x431): 66\n" in said.out
    assert said.out.splitlines()[-1] == (
        "replay: read=50924 decoded=6074 posted=6074 accepted=6074 "
        "undefined=44850 undecodable=0 blank=0 unavailable=66 nudged=0 "
        "left_out=0 skipped=0 unreadable=0"
    )
    assert said.err == ""


async def test_bursts_of_a_real_log_land_frame_by_frame(gateway, real_data, capsys):
    path = real_data / "i3_can_logs" / "2014i3_AC_start_PT_CAN.log.gz"
    assert await run(gateway, path, real_data / "i3_sme_facts.dbc") == 0
    assert len({identity(record) for record in gateway.records}) == 8237
    assert " nudged=79" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf", ".trc", ".csv", ".mf4"])
async def test_what_a_simulated_vehicle_writes_is_replayed_to_the_same_signals(
    gateway, tmp_path, capsys, suffix
):
    path = tmp_path / f"can{suffix}"
    container = Container(settings=Settings(), clock=providers.Object(ManualClock(NOON)))
    await recording.record(container, Simulation(1, seed=7), path, 2.0, asyncio.Event())
    assert await run(gateway, path, None, start_ms=NOON) == 0
    replayed: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for record in gateway.records:
        replayed[record.timestamp_ms] |= record.payload
    quantum = dict.fromkeys(["battery_soc", "battery_voltage", "battery_current"], 0.1)
    quantum |= dict.fromkeys(["cell_voltage_min", "cell_voltage_max"], 0.001)
    simulated = Simulation(1, seed=7)
    for step in range(10):
        (made,) = simulated.sample(NOON + 200 * step)
        got = replayed.pop(made.timestamp_ms)
        if step % 5 == 0:  # the temperatures come each second
            quantum |= dict.fromkeys(["cell_temp_min", "cell_temp_max"], 1.0)
        for name, within in quantum.items():
            assert got[name] == pytest.approx(made.payload[name], abs=within / 2 + 1e-9)
        quantum = {name: within for name, within in quantum.items() if "temp" not in name}
        assert got["display_soc"] == pytest.approx(1.277 * made.payload["battery_soc"] - 8.8, abs=0.25 + 1e-9)
    assert not replayed
    assert " undefined=0 undecodable=0 " in capsys.readouterr().out
