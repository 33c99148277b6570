"""How the latencies of a batch are measured, and summarised as percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.store.latency import BOUNDS_S, Latencies, Percentiles, Spread, Stages
from tests.builders import NOW


def interpolated(samples: list[int], percent: int) -> float:
    """Interpolate between the two samples around a rank, by hand."""
    ordered = sorted(samples)
    rank, rest = divmod(percent * (len(ordered) - 1), 100)
    above = ordered[min(rank + 1, len(ordered) - 1)]
    return (ordered[rank] + (above - ordered[rank]) * rest / 100) / 1000


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=200))
def test_percentiles_are_interpolated_between_samples_and_in_seconds(samples):
    summary = Percentiles.of(np.array(samples))
    for percent, found in ((50, summary.p50), (95, summary.p95), (99, summary.p99)):
        assert found == pytest.approx(interpolated(samples, percent), rel=1e-9, abs=1e-9)
    assert (summary.min, summary.max) == (min(samples) / 1000, max(samples) / 1000)
    assert summary.size == len(samples)
    assert summary.min <= summary.p50 <= summary.p95 <= summary.p99 <= summary.max


def test_one_sample_is_all_its_percentiles():
    assert Percentiles.of(np.array([1234])) == Percentiles(1.234, 1.234, 1.234, 1.234, 1.234, 1)


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_there_are_no_percentiles_of_nothing(dtype):
    with pytest.raises(ValueError, match="no percentiles of nothing"):
        Percentiles.of(np.array([], dtype))


def test_every_stage_is_measured_from_its_own_start_to_its_own_end():
    latencies = Latencies.of(
        timestamps=np.array([NOW, NOW + 10]),
        received=np.array([NOW + 100, NOW + 310]),
        dequeued=np.array([NOW + 1100, NOW + 2310]),
        written_ms=NOW + 5000,
    )
    stages = Stages.of(latencies)
    assert (stages.ingest.min, stages.ingest.max) == (0.1, 0.3)
    assert (stages.queue.min, stages.queue.max) == (1.0, 2.0)
    assert (stages.processing.min, stages.processing.max) == (2.69, 3.9)
    assert (stages.end_to_end.min, stages.end_to_end.max) == (4.99, 5.0)
    for stage, spread in latencies.spreads().items():
        assert getattr(stages, stage).size == sum(spread.counts) == 2


def test_a_clock_that_runs_ahead_shows_as_a_negative_latency():
    at = np.array([NOW])
    latencies = Latencies.of(timestamps=at + 300, received=at, dequeued=at, written_ms=NOW)
    assert Stages.of(latencies).ingest.p50 == -0.3
    assert latencies.spreads()["ingest"].total_s == 0


def test_latencies_are_counted_up_to_bounds_and_beyond_the_last():
    spread = Spread.of(np.array([-200, 0, 10, 11, 5_000, 3_600_000, 3_600_001]))
    counts = dict(zip((*BOUNDS_S, "over"), spread.counts, strict=True))
    assert counts | {0.01: 3, 0.05: 1, 5: 1, 3600: 1, "over": 1} == counts
    assert sum(spread.counts) == 7
    assert spread.total_s == pytest.approx(7205.022)


@given(st.lists(st.integers(-(10**6), 10**8)))
def test_each_latency_is_counted_once_and_none_below_its_bound(latencies_ms: list[int]):
    spread = Spread.of(np.array(latencies_ms, dtype=np.int64))
    assert sum(spread.counts) == len(latencies_ms)
    up_to = 0
    for bound_s, count in zip(BOUNDS_S, spread.counts, strict=False):
        up_to += count
        assert up_to == sum(each <= bound_s * 1000 for each in latencies_ms)
