"""The estimate is held to what the roles ask of SQS and S3, counted, in virtual time."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from telemetry.domain.estimate import flow
from telemetry.domain.estimate.load import Load
from telemetry.entrypoints.shared import costing
from tests.entrypoints.roles.counting import counted, on_aws

WITHIN = 0.2


@pytest.mark.parametrize(
    ("load", "warm_s", "counted_s"),
    [
        (Load(0.02), 100, 3000),
        pytest.param(Load(10), 20, 100, marks=pytest.mark.long),
        (Load(100), 20, 100),
        (Load(1000), 20, 50),
        pytest.param(Load(10_000), 3, 10, marks=pytest.mark.long),
        (Load(10_000, per_post=500), 10, 30),
        pytest.param(Load(1000, receivers=3, consumers=2), 20, 50, marks=pytest.mark.long),
        (Load(1000, receivers=10), 10, 30),
    ],
)
def test_what_receivers_and_consumers_ask_is_as_much_as_is_said(
    load: Load, warm_s: float, counted_s: float, monkeypatch: pytest.MonkeyPatch
):
    configured = on_aws(aggregate_interval=3600)
    run = counted(load, configured, warm_s, counted_s, monkeypatch)
    made = {
        "sends": run.each_second("SendMessage"),
        "receives": run.each_second("ReceiveMessage", "EmptyReceive"),
        "deletes": run.each_second("DeleteMessage"),
        "puts": run.each_second("PutObject raw"),
        "per_object": run.records / run.requests["PutObject raw"],
    }
    compare(flow.modelled(load, costing.terms(configured)), made)


def test_an_idle_pipeline_asks_all_the_same(monkeypatch: pytest.MonkeyPatch):
    load, configured = Load(0.001, receivers=2, consumers=2), on_aws()
    run = counted(load, configured, 0, 1000, monkeypatch)
    made = {
        "receives": run.each_second("ReceiveMessage", "EmptyReceive"),
        "checks": run.each_second("GetQueueAttributes"),
        "lists": run.each_second("ListObjects"),
    }
    terms = msgspec.structs.replace(costing.terms(configured), listed_s=(0, 0, 0, 0))
    compare(flow.modelled(load, terms), made)


@pytest.mark.parametrize("changes", [{"batch_size": 1000}, {"ingest_linger": 0.5}, {"partition_buckets": 2}])
def test_settings_change_what_is_said_as_they_change_what_is_asked(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    load, configured = Load(1000), on_aws(aggregate_interval=3600, **changes)
    run = counted(load, configured, 10, 50, monkeypatch)
    made = {
        "sends": run.each_second("SendMessage"),
        "receives": run.each_second("ReceiveMessage", "EmptyReceive"),
        "puts": run.each_second("PutObject raw"),
    }
    compare(flow.modelled(load, costing.terms(configured)), made)


@pytest.mark.parametrize(("rate", "counted_s"), [(1, 200), (100, 100), (1000, 40)])
def test_what_an_aggregator_asks_is_as_much_as_is_said(
    rate: float, counted_s: float, monkeypatch: pytest.MonkeyPatch
):
    # Figures are made at each look: for how large ones wait is longer than is counted.
    load, configured = Load(rate), on_aws(aggregate_interval=2, aggregate_max_age=0)
    run = counted(load, configured, 5, counted_s, monkeypatch)
    # An hour that begins with the run; none before it is stored.
    terms = msgspec.structs.replace(costing.terms(configured), listed_s=(counted_s / 2, 0, 0, 0))
    made = {
        "figure_puts": run.each_second("PutObject aggregated"),
        "gets": run.each_second("GetObject"),
        "lists": run.each_second("ListObjects"),
    }
    compare(flow.modelled(load, terms), made)


def compare(modelled: flow.Flow, made: Mapping[str, float]) -> None:
    said = {name: getattr(modelled, name) for name in made}
    assert said == pytest.approx(made, rel=WITHIN)
