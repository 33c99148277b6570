"""What the receiver counts."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from telemetry.adapters.metrics import tallies
from telemetry.adapters.metrics import waiting as queue
from telemetry.adapters.metrics.meters import CONTENT_TYPE, Meters
from telemetry.domain.transport.lease import Depth
from telemetry.domain.watch.canary import CanaryReport
from telemetry.domain.watch.lately import Tallies


class ReceiverMetrics:
    """The metrics of one receiver process. `waiting` returns how many bytes of bodies wait now."""

    content_type = CONTENT_TYPE

    def __init__(self, version: str, data_dir: Path, waiting: Callable[[], int]) -> None:
        self._meters = Meters("receiver", version, data_dir)
        self._waiting = waiting
        self._canary = CanaryReport(0, 0, 0, None)
        self._accepted = self._meters.counter("telemetry_ingest_records", "accepted")
        self._rejected = self._meters.counter("telemetry_ingest_records", "rejected")
        self._durations_s = self._meters.histogram("telemetry_ingest_seconds")
        self._answered = lru_cache(maxsize=None)(
            lambda status: self._meters.counter("telemetry_ingest_requests", str(status))
        )

    def taken(self, accepted: int, rejected: int, duration_s: float) -> None:
        """Count the records of a body, which were durable `duration_s` after its arrival."""
        self._accepted.inc(accepted)
        if rejected:
            self._rejected.inc(rejected)
        self._durations_s.observe(duration_s)

    def rejected(self, reasons: Mapping[str, int]) -> None:
        """Count rejected records by the class of their reason."""
        for reason, count in reasons.items():
            self._meters.counter("telemetry_ingest_rejected_records", reason).inc(count)

    def answered(self, status: int) -> None:
        """Count a request that was answered with `status`."""
        self._answered(status).inc()

    def holds(self, depth: Depth | None, oldest_s: float | None = None) -> None:
        """Note what the queue holds, if it could be asked, and how old the oldest of it is, if it says so."""
        queue.show(self._meters, depth, oldest_s)

    def canary(self, report: CanaryReport) -> None:
        """Note the proof line of a canary."""
        self._meters.counter("telemetry_canary_records").inc(report.accepted - self._canary.accepted)
        self._meters.counter("telemetry_canary_duplicate_records").inc(
            report.duplicates - self._canary.duplicates
        )
        self._meters.gauge("telemetry_canary_lost_records").set(report.lost)
        if report.p95_s is not None:
            self._meters.gauge("telemetry_canary_p95_seconds").set(report.p95_s)
        self._canary = report

    def tallies(self, at_ms: int) -> Tallies:
        """Return what this process has counted, at a moment in epoch milliseconds."""
        return tallies.of(self._meters.samples(), at_ms)[1]

    def render(self) -> bytes:
        """Return all metrics in the text format of Prometheus, with those of sibling processes."""
        self._meters.gauge("telemetry_ingest_waiting_bytes").set(self._waiting())
        return self._meters.render()
