"""How the latencies of a batch are measured, and summarised as percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.store.latency import Percentiles, Stages
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
    stages = Stages.of(
        timestamps=np.array([NOW, NOW + 10]),
        received=np.array([NOW + 100, NOW + 310]),
        dequeued=np.array([NOW + 1100, NOW + 2310]),
        written_ms=NOW + 5000,
    )
    assert (stages.ingest.min, stages.ingest.max) == (0.1, 0.3)
    assert (stages.queue.min, stages.queue.max) == (1.0, 2.0)
    assert (stages.processing.min, stages.processing.max) == (2.69, 3.9)
    assert (stages.end_to_end.min, stages.end_to_end.max) == (4.99, 5.0)
    assert {stage.size for stage in (stages.ingest, stages.queue, stages.processing, stages.end_to_end)} == {
        2
    }


def test_a_clock_that_runs_ahead_shows_as_a_negative_latency():
    at = np.array([NOW])
    assert Stages.of(timestamps=at + 300, received=at, dequeued=at, written_ms=NOW).ingest.p50 == -0.3
