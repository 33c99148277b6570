"""How the tests of the embedded queue open its file."""

from pathlib import Path

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import LeaseTerms

CLOCK = SystemClock()


def open_queue(
    path: Path, max_size: int = 10**9, clock: Clock = CLOCK, reserve: int = 0, terms: LeaseTerms | None = None
) -> SqliteQueue:
    return SqliteQueue(path, clock, terms or LeaseTerms(), max_size, reserve=reserve)
