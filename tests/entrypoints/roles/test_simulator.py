"""`telemetry simulator`: what a fleet posts, and what it says of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from dependency_injector import providers

from telemetry.adapters import ledger
from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract import parse
from telemetry.domain.contract.record import Answer, Record
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.vehicle.mishap import Shares
from telemetry.entrypoints.process import runtime
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Secret, Settings
from telemetry.entrypoints.roles import simulator
from telemetry.entrypoints.roles.simulator import FleetOptions
from telemetry.entrypoints.shared import mishaps
from telemetry.entrypoints.shared.sending import SendOptions
from tests.builders import identity

NOW = 1_760_875_200_000


class Judge:
    """A receiver without a network; it is away for every body after the first so many."""

    def __init__(self, bodies: int = 1_000_000) -> None:
        self.records: list[Record] = []
        self._bodies = bodies

    async def ready(self) -> None:
        pass

    async def post(self, lines: bytes) -> Answer:
        self._bodies -= 1
        if self._bodies < 0:
            raise GatewayError("gone")
        parsed = parse.parse_lines(lines, NOW)
        self.records += parsed.records
        return Answer(len(parsed.records), parsed.rejected)

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch):
    async def pause(*_: object) -> None:
        pass

    monkeypatch.setattr(runtime, "pause", pause)


async def run(judge: Judge, book: Path, arguments: Sequence[str], *, stopping: bool = False) -> int:
    container = Container(
        settings=Settings(api_key=Secret("k"), queue_backend="memory", storage_backend="memory"),
        clock=providers.Object(ManualClock(NOW)),
        gateway=providers.Factory(lambda **_: judge),
    )
    parser = Parser.of("simulator", None)
    mishaps.add_options(parser)
    shares = parser.read(arguments).to(Shares)
    fleet, send = FleetOptions(duration_s=20), SendOptions(ledger=book)
    stop = asyncio.Event()
    if stopping:
        stop.set()
    simulation = container.simulation(fleet.vehicles, fleet.seed)
    return await simulator.simulate(container, simulation, fleet, send, shares, stop)


def sizes(book: Path) -> tuple[int, int]:
    """Count what was sent and what was accepted, by the ledger."""
    streams = [times for _, times in ledger.read(book)[0].streams()]
    return sum(each.sent.size for each in streams), sum(each.accepted.size for each in streams)


async def test_a_fleet_posts_each_sample_of_each_vehicle_and_enters_it(tmp_path, capsys):
    judge = Judge()
    assert await run(judge, tmp_path / "run.jsonl", []) == 0
    assert len({identity(record) for record in judge.records}) == len(judge.records) == 1000
    assert sizes(tmp_path / "run.jsonl") == (1000, 1000)
    assert capsys.readouterr().out == "sent 1000 records, 1000 accepted, 0 rejected\n"


async def test_what_happens_to_a_fleet_is_in_its_ledger(tmp_path):
    judge = Judge()
    arguments = ["--offline", "--clock-skew", "--duplicates", "--reorder"]
    assert await run(judge, tmp_path / "run.jsonl", arguments) == 0
    assert len({identity(record) for record in judge.records}) == 1000 < len(judge.records)
    assert sizes(tmp_path / "run.jsonl") == (1000, 1000)


async def test_what_is_damaged_on_purpose_is_rejected_and_counted_and_no_failure(tmp_path, capsys):
    judge = Judge()
    assert await run(judge, tmp_path / "run.jsonl", ["--corrupt", "0.2"]) == 0
    good = len(judge.records)
    assert sizes(tmp_path / "run.jsonl") == (1000, good)
    said = capsys.readouterr()
    assert said.out.endswith(f"{1000 - good} rejected, {1000 - good} were damaged on purpose\n")
    assert said.err == ""


async def test_what_was_not_sent_is_in_the_ledger_as_not_accepted_and_fails(tmp_path, capsys):
    assert await run(Judge(bodies=60), tmp_path / "run.jsonl", ["--corrupt", "0.2"]) == 1
    sent, accepted = sizes(tmp_path / "run.jsonl")
    assert sent == 1000
    assert accepted == pytest.approx(480, abs=60)
    said = capsys.readouterr().err
    assert "not sent: gone\n" in said


async def test_a_fleet_that_is_told_to_stop_sends_no_more(tmp_path, capsys):
    judge = Judge()
    assert await run(judge, tmp_path / "run.jsonl", [], stopping=True) == 0
    assert not judge.records
    assert capsys.readouterr().out == "sent 0 records, 0 accepted, 0 rejected\n"
