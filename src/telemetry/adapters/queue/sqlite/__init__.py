"""The embedded queue."""

from telemetry.adapters.queue.sqlite.queue import SqliteQueue

__all__ = ["SqliteQueue"]
