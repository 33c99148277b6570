"""The few counts behind the six numbers are those that are shown to Prometheus, here and from elsewhere."""

from pathlib import Path

import pytest

from telemetry.adapters.metrics import meters, tallies
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.domain.store.flush import StoredBatch
from telemetry.domain.store.latency import BOUNDS_S, Spread
from telemetry.domain.watch.lately import Tallies


def a_batch(records: int, skewed: int) -> StoredBatch:
    """Make a batch whose records took up to the first bound, and one that was beyond all."""
    spread = Spread([records - 1, *[0] * (len(BOUNDS_S) - 1), 1], 1.0)
    return StoredBatch(1, records, skewed, 0, 0, 0, 1, 100, None, {"end_to_end": spread})


def test_a_consumer_tells_what_it_stored_and_how_long_it_took():
    metrics = ConsumerMetrics("1.2.3", Path())
    metrics.stored(a_batch(10, skewed=2))
    metrics.stored(a_batch(5, skewed=0))
    assert metrics.tallies(7) == Tallies(
        at_ms=7,
        stored=15,
        skewed=2,
        messages=2,
        objects=2,
        size=200,
        stages={"end_to_end": [13, *[0] * (len(BOUNDS_S) - 1), 2]},
    )


def test_a_receiver_tells_what_it_took_and_which_posts_failed():
    metrics = ReceiverMetrics("1.2.3", Path(), lambda: 0)
    metrics.taken(accepted=3, rejected=1, duration_s=0.02)
    for status in (202, 202, 503, 500, 415):
        metrics.answered(status)
    assert metrics.tallies(7) == Tallies(at_ms=7, accepted=3, rejected=1, posts=5, failed_posts=2)


def test_what_is_read_from_another_process_is_what_it_tells_itself():
    metrics = ReceiverMetrics("1.2.3", Path(), lambda: 0)
    metrics.taken(accepted=3, rejected=1, duration_s=0.02)
    role, read = tallies.of(meters.parse(metrics.render().decode()), 7)
    assert (role, read) == ("receiver", metrics.tallies(7))


def test_what_is_no_role_of_ours_has_none():
    assert tallies.of(meters.parse('telemetry_build_info{version="1",role="other"} 1\n'), 7)[0] is None
    assert tallies.of(meters.parse("up 1\n"), 7)[0] is None
    with pytest.raises(ValueError, match="html"):
        list(meters.parse("<html>no metrics</html>"))
