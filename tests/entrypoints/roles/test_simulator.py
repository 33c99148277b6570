"""`telemetry simulator`: what a fleet posts, and what it says of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from telemetry.adapters import ledger
from telemetry.domain.vehicle.mishap import Shares
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.roles import simulator
from telemetry.entrypoints.roles.simulator import FleetOptions
from telemetry.entrypoints.shared import mishaps
from telemetry.entrypoints.shared.sending import SendOptions
from tests.builders import identity
from tests.entrypoints.roles.sending import container_to
from tests.fakes import FakeGateway

pytestmark = pytest.mark.usefixtures("pauses")


async def run(gateway: FakeGateway, ledger: Path, arguments: Sequence[str], *, stopping: bool = False) -> int:
    container = container_to(gateway)
    parser = Parser.of("simulator", None)
    mishaps.add_options(parser)
    shares = parser.read(arguments).to(Shares)
    fleet, send = FleetOptions(duration_s=20), SendOptions(ledger=ledger)
    stop = asyncio.Event()
    if stopping:
        stop.set()
    simulation = container.simulation(fleet.vehicles, fleet.seed)
    return await simulator.simulate(container, simulation, fleet, send, shares, stop)


def sizes(path: Path) -> tuple[int, int]:
    """Count what was sent and what was accepted, by the ledger."""
    streams = [times for _, times in ledger.read(path)[0].streams()]
    return sum(each.sent.size for each in streams), sum(each.accepted.size for each in streams)


async def test_a_fleet_posts_each_sample_of_each_vehicle_and_writes_it_to_its_ledger(
    gateway, tmp_path, capsys
):
    assert await run(gateway, tmp_path / "run.jsonl", []) == 0
    assert len({identity(record) for record in gateway.records}) == len(gateway.records) == 1000
    assert sizes(tmp_path / "run.jsonl") == (1000, 1000)
    assert capsys.readouterr().out == "sent 1000 records, 1000 accepted, 0 rejected\n"


async def test_what_happens_to_a_fleet_is_in_its_ledger(gateway, tmp_path):
    arguments = ["--offline", "--clock-skew", "--duplicates", "--reorder"]
    assert await run(gateway, tmp_path / "run.jsonl", arguments) == 0
    assert len({identity(record) for record in gateway.records}) == 1000 < len(gateway.records)
    assert sizes(tmp_path / "run.jsonl") == (1000, 1000)


async def test_what_is_damaged_on_purpose_is_rejected_and_counted_and_no_failure(gateway, tmp_path, capsys):
    assert await run(gateway, tmp_path / "run.jsonl", ["--corrupt", "0.2"]) == 0
    good = len(gateway.records)
    assert sizes(tmp_path / "run.jsonl") == (1000, good)
    said = capsys.readouterr()
    assert said.out.endswith(f"{1000 - good} rejected, {1000 - good} were damaged on purpose\n")
    assert said.err == ""


async def test_what_was_not_sent_is_in_the_ledger_as_not_accepted_and_fails(tmp_path, capsys):
    assert await run(FakeGateway(bodies_left=60), tmp_path / "run.jsonl", ["--corrupt", "0.2"]) == 1
    sent, accepted = sizes(tmp_path / "run.jsonl")
    assert sent == 1000
    assert accepted == pytest.approx(480, abs=60)
    said = capsys.readouterr().err
    assert "not sent: gone\n" in said


async def test_a_fleet_that_is_asked_to_stop_sends_no_more(gateway, tmp_path, capsys):
    assert await run(gateway, tmp_path / "run.jsonl", [], stopping=True) == 0
    assert not gateway.records
    assert capsys.readouterr().out == "sent 0 records, 0 accepted, 0 rejected\n"
