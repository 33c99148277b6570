"""What the aggregator counts."""

from collections import Counter
from pathlib import Path
from typing import Final

from telemetry.adapters.metrics import tallies
from telemetry.adapters.metrics.meters import Meters
from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.hour import Aggregated, Built
from telemetry.domain.watch.lately import Tallies

_STATES: Final = ("open", "waiting", "complete")
_KINDS: Final = ("unique", "duplicates", "conflicting", "skewed", "refused")
_HOURS: Final = 24


class AggregatorMetrics:
    """The metrics of one aggregator."""

    def __init__(self, version: str, data_dir: Path) -> None:
        self._meters = Meters("aggregator", version, data_dir)
        self._built = self._meters.counter("telemetry_figures_built")
        self._durations_s = self._meters.histogram("telemetry_build_seconds")
        self._damaged = self._meters.counter("telemetry_damaged_objects")
        self._longest_s = 0.0
        self._day: dict[Hour, Aggregated] = {}

    def built(self, built: Built, duration_s: float) -> None:
        """Count an hour whose figures were built anew, and what was damaged in it."""
        self._built.inc()
        self._durations_s.observe(duration_s)
        self._longest_s = max(self._longest_s, duration_s)
        self._meters.gauge("telemetry_longest_build_seconds").set(self._longest_s)
        self._damaged.inc(len(built.damage))
        self.certified(built)

    def certified(self, built: Built) -> None:
        """Note the newest figures and certificate of an hour."""
        self._day[built.hour] = built.aggregated
        self._day = {hour: each for hour, each in self._day.items() if hour > max(self._day) - _HOURS}
        hours = self._day.values()
        states = Counter(each.certificate.state for each in hours if each.certificate)
        for state in _STATES:
            self._meters.gauge("telemetry_certificates", state).set(states[state])
        for kind in _KINDS:
            self._meters.gauge("telemetry_day_records", kind).set(sum(getattr(each, kind) for each in hours))

    def failed(self, action: str) -> None:
        """Count an attempt that failed: to `look` or to `build`."""
        self._meters.counter("telemetry_store_failures", action).inc()

    def looked(self, now_ms: int) -> None:
        """Note when the store was looked through to its end, in epoch milliseconds."""
        self._meters.gauge("telemetry_looked_timestamp_seconds").set(now_ms / 1000)

    def tallies(self, at_ms: int) -> Tallies:
        """Return what this process has counted, at a moment in epoch milliseconds."""
        return tallies.of(self._meters.samples(), at_ms)[1]

    def serve(self, host: str, port: int) -> None:
        """Answer scrapes until the process ends. Raise OSError."""
        self._meters.serve(host, port)
