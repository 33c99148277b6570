"""The metrics of one process, made of the table, and shown in the text format of Prometheus."""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from telemetry.adapters.metrics import table
from telemetry.adapters.metrics.table import Metric, Role

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""The media type of the format; whoever serves a text adds its charset."""

_SHARED_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers of one receiver keep their values, if there are several."""


class Sample(NamedTuple):
    """A value as Prometheus has it: its full name, its labels."""

    name: str
    labels: Mapping[str, str]
    value: float


class Meters:
    """All metrics of one role in one process. What has labels is made when it is first asked for.

    `data_dir` is the folder whose disk is looked at.
    """

    def __init__(self, role: Role, version: str, data_dir: Path) -> None:
        self._registry = CollectorRegistry()
        self._made = {
            each.name: _make(each, self._registry) for each in table.of(role) if each not in Disk.SHOWN
        }
        self._disk = Disk(data_dir)
        self._of_process(self._registry)
        self.gauge("telemetry_build_info", version, role).set(1)

    def counter(self, name: str, *labels: str) -> Counter:
        """Return a counter; whoever counts often keeps it, because finding costs more than counting."""
        found: Counter = self._find(name, labels)
        return found

    def gauge(self, name: str, *labels: str) -> Gauge:
        found: Gauge = self._find(name, labels)
        return found

    def histogram(self, name: str) -> Histogram:
        found: Histogram = self._made[name]
        return found

    def tally(self, name: str) -> "Tally":
        """Return a histogram that takes many values at once."""
        found: Tally = self._made[name]
        return found

    def render(self) -> bytes:
        """Return all metrics, of all workers where there are several."""
        if _SHARED_DIR not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        self._of_process(everyone)
        return generate_latest(everyone)

    def samples(self) -> Iterator[Sample]:
        """Yield the values of this process, without those of the machine and of its siblings."""
        return _samples(each.collect() for each in self._made.values())

    def serve(self, host: str, port: int) -> None:
        """Answer at `/metrics` from a thread of its own until the process ends. Raise OSError."""
        start_http_server(port, host, self._registry)

    def _of_process(self, registry: CollectorRegistry) -> None:
        """Add what is of the process that answers, and of its machine."""
        registry.register(self._disk)
        ProcessCollector(registry=registry)

    def _find(self, name: str, labels: Sequence[str]) -> Any:  # noqa: ANN401  # a counter or a gauge
        return self._made[name].labels(*labels) if labels else self._made[name]


class Tally(Collector):
    """A histogram with one label that is told how many values fell between its bounds."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def add(self, label: str, counts: Sequence[int], total: float) -> None:
        """Add values: how many up to each bound and beyond the last one, and their sum."""
        kept = self._counts.setdefault(label, [0] * len(counts))
        for place, count in enumerate(counts):
            if count:
                kept[place] += count
        self._sums[label] = self._sums.get(label, 0.0) + total

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram, each bucket with all that is below it, as the format wants it."""
        metric = self._metric
        family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for label, counts in self._counts.items():
            below, buckets = 0, []
            for bound, count in zip((*map(str, metric.buckets), "+Inf"), counts, strict=True):
                below += count
                buckets.append((bound, below))
            family.add_metric([label], buckets, self._sums[label])
        yield family


class Disk(Collector):
    """How much of a folder's disk is free; nothing while there is no such folder."""

    SHOWN: Final = tuple(each for each in table.TABLE if each.name.startswith("telemetry_disk_"))

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with suppress(FileNotFoundError):
            disk = shutil.disk_usage(self._folder)
            for metric, value in zip(self.SHOWN, (disk.free, disk.total), strict=True):
                yield GaugeMetricFamily(metric.name, metric.meaning, value)


def parse(text: str) -> Iterator[Sample]:
    """Yield the values of what another process shows. Raise ValueError if it is no such text."""
    return _samples([text_string_to_metric_families(text)])


def _samples(collected: Iterable[Iterable[Family]]) -> Iterator[Sample]:
    return (
        Sample(each.name, each.labels, each.value)
        for families in collected
        for family in families
        for each in family.samples
    )


def _make(metric: Metric, registry: CollectorRegistry) -> Any:  # noqa: ANN401  # one of four kinds
    if metric.kind == "counter":
        return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(
            metric.name, metric.meaning, metric.labels, registry=registry, multiprocess_mode=metric.across
        )
    if metric.labels:
        tally = Tally(metric)
        registry.register(tally)
        return tally
    return Histogram(metric.name, metric.meaning, buckets=metric.buckets, registry=registry)
