"""Hours that workers of a real scheduler fold or compact have the same bytes as those that are made here."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Final

import pytest

from harness.roles import wait_until
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.lake.follow import current
from telemetry.domain.store import objects
from telemetry.entrypoints.process.runtime import free_port
from tests.builders import HOUR, NOW, a_record, put_batch, some_records
from tests.lake import certify, read_hour

pytest.importorskip("distributed", reason="the extra `dask` is not installed")

ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if not name.startswith("DASK_")}
BUCKETS: Final = PartitionPolicy(buckets=4)


class Cluster:
    """A scheduler and two workers, as processes."""

    def __init__(self, folder: Path) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self._folder = folder
        host, port = "127.0.0.1", self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "--host", host, "--port", port, "--no-dashboard")
        self.workers = [
            self._start(
                "worker", self.address, "--host", host, "--nthreads", "1", "--no-dashboard", "--no-nanny"
            )
            for _ in range(2)
        ]

    def _start(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{role}-{len(list(self._folder.iterdir()))}.log").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", role, *arguments],
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
            )

    def registered(self) -> int:
        """Return how many workers the scheduler has taken."""
        logs = (each.read_text() for each in self._folder.glob("scheduler-*.log"))
        return sum(text.count("Register worker") for text in logs)

    def end(self) -> None:
        for each in (*self.workers, self.scheduler):
            each.kill()
            each.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = Cluster(folder)
    try:
        wait_until(lambda: made.registered() == 2, "the scheduler to have two workers")
        yield made
    finally:
        made.end()


async def fill(data: Path) -> None:
    """Store an hour of four buckets in many objects."""
    storage = LocalStorage(data)
    for start in range(40):
        for vehicle in range(8):
            records = [
                a_record(
                    vehicle_id=f"veh-{vehicle}",
                    timestamp_ms=NOW + 1000 * start + 10 * each,
                    payload={"x": 0.1 * each},
                )
                for each in range(50)
            ]
            await put_batch(storage, *records, now=NOW + start, policy=BUCKETS)


def aggregator(data: Path, **settings: str) -> subprocess.Popen[bytes]:
    return started(
        data, "aggregator", "--hour", "2025-10-19T14", "--force", PARTITION_BUCKETS="4", **settings
    )


def started(data: Path, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
    environment = ENVIRONMENT | {"DATA_DIR": str(data), **settings}
    return subprocess.Popen(
        [sys.executable, "-m", "telemetry", *arguments],
        cwd=data.parent,
        env=environment,
        stderr=subprocess.PIPE,
    )


def ended(running: subprocess.Popen[bytes]) -> None:
    """Wait for a process, and expect that it succeeded."""
    _, said = running.communicate(timeout=120)
    assert running.returncode == 0, said.decode()


def figures(data: Path) -> bytes:
    """Return the figures of the hour without their certificate, which says when they were built."""
    return (data / objects.aggregated_key(HOUR)).read_bytes().partition(b',"certificate"')[0]


@pytest.mark.long
def test_workers_give_the_same_bytes_also_if_one_is_killed_in_the_middle(tmp_path: Path, cluster: Cluster):
    data = tmp_path / "data"
    asyncio.run(fill(data))
    ended(aggregator(data, ENGINE="local", AGGREGATE_PROCESSES="1"))
    expected = figures(data)
    assert b'"veh-7"' in expected
    settings = {"ENGINE": "dask", "DASK_SCHEDULER": cluster.address}
    for victim in (None, cluster.workers[0]):
        (data / objects.aggregated_key(HOUR)).unlink()
        rmtree(data / "cache")
        running = aggregator(data, **settings)
        if victim:
            wait_until(lambda: any((data / "cache").glob("*/*")), "a worker to have read an object")
            os.kill(victim.pid, signal.SIGKILL)
        ended(running)
        assert figures(data) == expected
    assert cluster.workers[0].poll() == -signal.SIGKILL


HOURS: Final = [Hour(HOUR - each) for each in range(4)]


async def fill_hours(data: Path) -> None:
    """Store complete hours of four vehicles in many objects."""
    storage = LocalStorage(data)
    for before, hour in enumerate(HOURS):
        for start in range(20):
            for vehicle in range(4):
                moment = NOW - before * HOUR_MS + 10_000 * start
                records = some_records(50, start=moment, vehicle_id=f"veh-{vehicle}")
                await put_batch(storage, *records, now=NOW + start)
        await certify(storage, hour=hour)


async def made_of_hours(data: Path) -> list[tuple[object, ...]]:
    """Return what the manifests say, but for the moments in it and in the names of objects."""
    found = [(await current(LocalStorage(data), hour))[0] for hour in HOURS]
    return [
        (
            each.revision,
            sorted(each.inputs),
            [(content.records, content.digest) for content in each.objects],
            each.identities,
            each.payloads,
        )
        for each in found
        if each
    ]


@pytest.mark.long
def test_workers_compact_to_the_same_bytes_also_if_one_is_killed_in_the_middle(
    tmp_path: Path, cluster: Cluster
):
    data = tmp_path / "data"
    asyncio.run(fill_hours(data))
    records = asyncio.run(read_hour(LocalStorage(data)))
    ended(started(data, "compact", ENGINE="local"))
    expected = asyncio.run(made_of_hours(data))
    assert len(expected) == 4
    settings = {"ENGINE": "dask", "DASK_SCHEDULER": cluster.address}
    for victim in (None, cluster.workers[0]):
        rmtree(data / "compacted")
        running = started(data, "compact", **settings)
        if victim:
            wait_until(lambda: any((data / "compacted").rglob("records-*")), "a worker to have written")
            os.kill(victim.pid, signal.SIGKILL)
        ended(running)
        assert asyncio.run(made_of_hours(data)) == expected
        assert asyncio.run(read_hour(LocalStorage(data))) == records
    assert cluster.workers[0].poll() == -signal.SIGKILL
