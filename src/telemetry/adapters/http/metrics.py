"""The receiver's counters for Prometheus."""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

# Litestar adds the charset to every text.
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """The counters of one receiver process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._records = Counter(
            "telemetry_ingest_records",
            "Records by what became of them.",
            ["outcome"],
            registry=self._registry,
        )
        self._rejected_for = Counter(
            "telemetry_ingest_rejected_records",
            "Rejected records by the field at fault.",
            ["reason"],
            registry=self._registry,
        )
        self._requests = Counter(
            "telemetry_ingest_requests",
            "Requests to /ingest by status code.",
            ["status"],
            registry=self._registry,
        )
        self._durations_s = Histogram(
            "telemetry_ingest_seconds",
            "From a request's arrival to its records being durable.",
            buckets=_BUCKETS_S,
            registry=self._registry,
        )

        # Counters are looked up by their labels once, because a look-up costs more than counting.
        self._accepted = self._records.labels("accepted")
        self._rejected = self._records.labels("rejected")
        self._answered = lru_cache(maxsize=None)(lambda status: self._requests.labels(str(status)))

    def taken(self, accepted: int, rejected: int, duration_s: float) -> None:
        """Count the records of a body, which were durable `duration_s` after its arrival."""
        self._accepted.inc(accepted)
        self._rejected.inc(rejected)
        self._durations_s.observe(duration_s)

    def rejected(self, reasons: Mapping[str, int]) -> None:
        """Count rejected records by the class of their reason."""
        for reason, count in reasons.items():
            self._rejected_for.labels(reason).inc(count)

    def answered(self, status: int) -> None:
        """Count a request that was answered with `status`."""
        self._answered(status).inc()

    def render(self) -> bytes:
        """Return all counters in the text format of Prometheus, with the counters of sibling processes."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
