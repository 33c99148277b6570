"""Every metric of the table is shown by its role, as Prometheus wants it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from telemetry.adapters.metrics import table
from telemetry.adapters.metrics.meters import Meters
from telemetry.adapters.metrics.table import Metric, Role
from telemetry.domain.store.latency import BOUNDS_S
from telemetry.entrypoints.process.runtime import free_port

ROLES: Sequence[Role] = ("receiver", "consumer", "aggregator")


def filled(role: Role, folder: Path) -> Meters:
    """Make the meters of a role, of which each has a value."""
    meters = Meters(role, "1.2.3", folder)
    for metric in table.of(role):
        labels = [f"a-{label}" for label in metric.labels]
        if metric.kind == "counter":
            meters.counter(metric.name, *labels).inc()
        elif metric.kind == "gauge" and "disk" not in metric.name:
            meters.gauge(metric.name, *labels).set(1)
        elif metric.kind == "histogram" and labels:
            meters.tally(metric.name).add(labels[0], [1] * (len(metric.buckets) + 1), 1.5)
        elif metric.kind == "histogram":
            meters.histogram(metric.name).observe(1)
    return meters


@pytest.mark.parametrize("role", ROLES)
def test_a_role_shows_its_metrics_with_their_kinds_and_no_others(role: Role, tmp_path: Path):
    lines = filled(role, tmp_path).render().decode().splitlines()
    shown = {tuple(line.split()[2:4]) for line in lines if line.startswith("# TYPE telemetry_")}
    assert shown == {(metric.shown, metric.kind) for metric in table.of(role)} | {
        (f"{metric.name}_created", "gauge")
        for metric in table.of(role)
        if metric.kind == "counter" or (metric.kind == "histogram" and not metric.labels)
    }


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_shows_is_as_prometheus_wants_it(role: Role, tmp_path: Path):
    if not (promtool := shutil.which("promtool")):
        pytest.skip("promtool is not installed")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=filled(role, tmp_path).render(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_tally_adds_up_what_it_is_told(tmp_path: Path):
    meters = Meters("consumer", "1.2.3", tmp_path)
    bounds = len(BOUNDS_S)
    tally = meters.tally("telemetry_latency_seconds")
    tally.add("queue", [2, 1, *[0] * (bounds - 2), 1], 100.5)
    tally.add("queue", [0, 1, *[0] * (bounds - 2), 0], 0.5)
    shown = meters.render().decode()
    for line in (
        'telemetry_latency_seconds_bucket{le="0.01",stage="queue"} 2.0',
        'telemetry_latency_seconds_bucket{le="0.05",stage="queue"} 4.0',
        'telemetry_latency_seconds_bucket{le="3600",stage="queue"} 4.0',
        'telemetry_latency_seconds_bucket{le="+Inf",stage="queue"} 5.0',
        'telemetry_latency_seconds_count{stage="queue"} 5.0',
        'telemetry_latency_seconds_sum{stage="queue"} 101.0',
    ):
        assert line in shown


def test_the_disk_is_that_of_the_folder_and_not_shown_without_one(tmp_path: Path):
    shown = Meters("consumer", "1.2.3", tmp_path).render().decode()
    free = next(line for line in shown.splitlines() if line.startswith("telemetry_disk_size_bytes"))
    assert float(free.split()[1]) == shutil.disk_usage(tmp_path).total
    assert b"telemetry_disk" not in Meters("consumer", "1.2.3", tmp_path / "none").render()


def test_a_role_that_serves_nothing_else_answers_scrapes(tmp_path: Path):
    port = free_port()
    meters = Meters("consumer", "1.2.3", tmp_path)
    meters.serve("127.0.0.1", port)
    meters.counter("telemetry_stored_messages").inc(7)
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "telemetry_stored_messages_total 7.0" in answer.text
    assert "process_open_fds" in answer.text


@pytest.mark.parametrize("metric", table.TABLE, ids=lambda metric: metric.name)
def test_a_metric_has_a_name_that_says_its_unit_and_labels_that_have_few_values(metric: Metric):
    assert metric.name.startswith("telemetry_")
    assert metric.meaning.endswith(".")
    assert metric.unit not in {"seconds", "bytes"} or metric.name.endswith(metric.unit)
    assert set(metric.labels) <= {
        "action",
        "outcome",
        "reason",
        "status",
        "state",
        "tree",
        "stage",
        "kind",
        "version",
        "role",
    }
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert sorted(metric.buckets) == list(metric.buckets)
