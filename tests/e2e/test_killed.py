"""Commands that move records are killed at one change after another, and a reader looks all the time."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from harness.pipeline import Pipeline
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import HOUR, NOW, identity, put_batch, some_records
from tests.lake import compactor_of, read_hour

HOURS: Final = (Hour(HOUR - 1), HOUR)
THEIRS: Final = "veh-2"
LATER_MS: Final = NOW + 3 * HOUR_MS

Look = Callable[[], Awaitable[None]]


class Hours:
    """Two complete hours of three vehicles in a local store, each in three objects, with copies."""

    def __init__(self, data: Path) -> None:
        self.storage = LocalStorage(data)
        self.clock = ManualClock(LATER_MS)
        self.records: dict[Hour, list[Record]] = {}

    async def fill(self) -> None:
        queue = MemoryQueue(self.clock, LeaseTerms())
        certifier = Certifier(self.storage, self.clock, Inquiry(self.storage, queue))
        aggregator = Aggregator(self.storage, certifier=certifier)
        await aggregator.look()
        for hour in HOURS:
            start = NOW + (hour - HOUR) * HOUR_MS
            made = [each for place in range(3) for each in some_records(20, start, vehicle_id=f"veh-{place}")]
            for place in range(3):
                await put_batch(self.storage, *made[place::3], *made[:2], now=NOW + place)
            self.records[hour] = sorted(made, key=identity)
            assert await aggregator.build(hour)

    async def check(self) -> None:
        """Read all as a reader does, and find each record once."""
        for hour, records in self.records.items():
            assert await read_hour(self.storage, hour) == records

    async def check_others(self) -> None:
        for hour, records in self.records.items():
            found = await read_hour(self.storage, hour)
            assert of_others(found) == of_others(records)


def of_others(records: list[Record]) -> list[Record]:
    return [each for each in records if each.vehicle_id != THEIRS]


@pytest.fixture
async def hours(pipeline: Pipeline) -> Hours:
    made = Hours(pipeline.data)
    await made.fill()
    return made


async def killed(pipeline: Pipeline, look: Look, *command: str) -> int:
    """Run a command, which is killed and run again until it ends with 0; look after each kill.

    Return how often it was killed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.e2e.killed", *command, env=pipeline.environment, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin
    assert process.stdout
    kills = 0
    while await process.stdout.readline() == b"killed\n":
        kills += 1
        await look()
        process.stdin.write(b"\n")
    await process.stdout.read()
    assert await process.wait() == 0
    await look()
    return kills


@asynccontextmanager
async def looking(look: Look) -> AsyncIterator[list[int]]:
    """Look all the time; the list has how often."""
    looks = [0]

    async def read() -> None:
        while True:
            await look()
            looks[0] += 1

    reading = asyncio.create_task(read())
    try:
        yield looks
    finally:
        reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading


async def test_a_compaction_is_killed_at_one_change_after_another_and_every_record_is_seen_once(
    pipeline: Pipeline, hours: Hours
):
    pipeline.environment |= {"COMPACT_GRACE": "60", "COMPACT_RAW_RETENTION": "0.001"}
    async with looking(hours.check) as looks:
        kills = await killed(pipeline, hours.check, "compact")
    assert kills >= 5
    assert looks[0] > kills
    assert await hours.storage.list("raw/") == []
    assert len(await hours.storage.list("compacted/")) == len(HOURS) * len(
        ("records", "_copies", "_sums", "_m")
    )


@pytest.mark.long
async def test_an_erasure_is_killed_at_one_change_after_another_and_all_others_are_there(
    pipeline: Pipeline, hours: Hours
):
    compacted = await compactor_of(hours.storage, hours.clock).compact(HOUR)
    assert compacted
    async with looking(hours.check_others) as looks:
        kills = await killed(pipeline, hours.check_others, "vehicle", "erase", THEIRS, "--yes")
    assert kills >= 5
    assert looks[0] > kills
    for path in pipeline.data.rglob("*"):
        assert not path.is_file() or THEIRS.encode() not in path.read_bytes()
    for hour, records in hours.records.items():
        assert await read_hour(hours.storage, hour) == of_others(records)
