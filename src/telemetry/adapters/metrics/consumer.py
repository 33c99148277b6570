"""What the consumer counts."""

from pathlib import Path
from typing import Final, get_args

import msgspec

from telemetry.adapters.metrics import tallies, waiting
from telemetry.adapters.metrics.meters import Meters
from telemetry.domain.store.flush import Reason, StoredBatch
from telemetry.domain.transport.lease import Depth
from telemetry.domain.watch.lately import Tallies

_LONGEST: Final = 300  # characters of a reason


class ConsumerMetrics:
    """The metrics of one consumer."""

    def __init__(self, version: str, data_dir: Path) -> None:
        self._meters = Meters("consumer", version, data_dir)
        self._latency_s = self._meters.tally("telemetry_latency_seconds")
        self._records = self._meters.histogram("telemetry_batch_records")
        self._counters = {
            name: self._meters.counter(f"telemetry_{metric}")
            for name, metric in (
                ("messages", "stored_messages"),
                ("objects", "stored_objects"),
                ("size", "stored_bytes"),
                ("quarantined", "quarantined_messages"),
                ("redelivered", "redelivered_messages"),
                ("undeleted", "undeleted_messages"),
            )
        }
        self._flushes = {
            reason: self._meters.counter("telemetry_flushes", reason) for reason in get_args(Reason)
        }
        self._in_flight = self._meters.gauge("telemetry_in_flight_messages")
        self._held_back = self._meters.gauge("telemetry_held_back_messages")
        self._failing = ""
        self._raw = self._meters.counter("telemetry_stored_records", "raw")
        self._skewed = self._meters.counter("telemetry_stored_records", "skewed")

    def stored(self, batch: StoredBatch) -> None:
        """Count a batch that is durable."""
        for name, counter in self._counters.items():
            if count := getattr(batch, name):
                counter.inc(count)
        self._failing = ""
        self._raw.inc(batch.records - batch.skewed)
        if batch.skewed:
            self._skewed.inc(batch.skewed)
        self._records.observe(batch.records)
        self._flushes[batch.reason].inc()
        for stage, spread in batch.spreads.items():
            self._latency_s.add(stage, spread.counts, spread.total_s)

    def failed(self, action: str, why: str = "") -> None:
        """Count an attempt that failed: to `write`, `receive`, `delete` or `extend`."""
        self._meters.counter("telemetry_store_failures", action).inc()
        self._failing = why[:_LONGEST]

    def carries(self, in_flight: int, held_back: int) -> None:
        """Note how many messages are on lease here, and how many of them could not be stored."""
        self._in_flight.set(in_flight)
        self._held_back.set(held_back)

    def holds(self, depth: Depth | None, oldest_s: float | None = None) -> None:
        """Note what the queue holds, if it could be asked, and how old the oldest of it is, if it says so."""
        waiting.show(self._meters, depth, oldest_s)

    def tallies(self, at_ms: int) -> Tallies:
        """Return what this process has counted, at a moment in epoch milliseconds."""
        counted = tallies.of(self._meters.samples(), at_ms)[1]
        return msgspec.structs.replace(counted, failing=self._failing)

    def serve(self, host: str, port: int) -> None:
        """Answer scrapes until the process ends. Raise OSError."""
        self._meters.serve(host, port)
