"""Dollars of requests, of stored bytes, and of the lifecycle's moves."""

import pytest

from telemetry.domain.estimate.compaction import Compaction
from telemetry.domain.estimate.cost import MONTH_S, TB, Month, Prices, Stored
from telemetry.domain.estimate.flow import Flow
from telemetry.domain.estimate.load import Load

PRICES = Prices(
    as_of="then",
    source=("there",),
    region="r",
    sqs_requests=0.40,
    s3_puts=0.005,
    s3_gets=0.0004,
    to_infrequent=0.01,
    to_glacier=0.03,
    to_instant=0.02,
    standard=0.023,
    infrequent=0.0125,
    glacier=0.0036,
    instant=0.004,
)
LARGE, SMALL = 5_000_000.0, 60_000.0
FLOW = Flow(
    per_message=50,
    per_object=200,
    sends=20,
    receives=5,
    deletes=5,
    checks=1,
    puts=5,
    figure_puts=0.2,
    gets=6,
    lists=2,
)


def test_a_terabyte_falls_from_23_dollars_to_less_than_4_a_month_in_large_objects():
    stored = Stored.of(TB, LARGE, PRICES)
    assert stored.in_standard == pytest.approx(23.55, abs=0.01)
    assert stored.in_infrequent == pytest.approx(12.8)
    assert stored.in_glacier == pytest.approx(1024 * 0.0036, rel=0.02)
    assert stored.mean(36) == pytest.approx(5, rel=0.02)


def test_small_objects_skip_a_tier_and_cost_more_to_move_than_they_save():
    small, large = Stored.of(TB, SMALL, PRICES), Stored.of(TB, LARGE, PRICES)
    assert small.in_infrequent == small.in_standard
    assert small.moves == small.objects
    assert large.moves == 2 * large.objects
    assert small.in_glacier > 2 * large.in_glacier  # each object brings its overhead
    saved_in_a_year = 12 * small.in_standard - small.kept(12)
    assert small.moving > saved_in_a_year
    assert large.moving < 12 * large.in_standard - large.kept(12)


@pytest.mark.parametrize("size", [128 * 1024, 128 * 1024 - 1])
def test_objects_of_128_kb_are_moved_to_standard_ia_and_smaller_ones_are_not(size: int):
    assert Stored.of(TB, size, PRICES).is_infrequent == (size == 128 * 1024)


def test_the_mean_of_a_year_has_a_month_two_and_nine_of_the_tiers_and_all_moves():
    stored = Stored.of(TB, LARGE, PRICES)
    tiers = stored.in_standard + 2 * stored.in_infrequent + 9 * stored.in_glacier
    assert stored.kept(12) == pytest.approx(tiers)
    assert stored.mean(12) == pytest.approx((tiers + stored.moving) / 12)


def test_dollars_of_a_month_add_up():
    month = Month.of(Load(1000, vehicles=200), FLOW, SMALL, PRICES)
    assert month.requests_cost == pytest.approx(31 * MONTH_S * 0.40e-6)
    assert month.writes_cost == pytest.approx(7.2 * MONTH_S * 5e-6)
    assert month.reads_cost == pytest.approx(6 * MONTH_S * 0.4e-6)
    assert month.moving_cost == pytest.approx(5 * MONTH_S * 30e-6)
    assert month.stored.objects == pytest.approx(5 * MONTH_S)
    parts = month.requests_cost + month.writes_cost + month.reads_cost + month.moving_cost
    assert month.total == pytest.approx(parts + month.storage_cost)


def test_figures_are_stored_too_and_never_moved():
    few, many = (Month.of(Load(1000, vehicles=n), FLOW, SMALL, PRICES) for n in (1, 10_001))
    assert many.storage_cost > few.storage_cost
    assert many.storage_cost - few.storage_cost == pytest.approx(
        10_000 * 800 * 720 * 12 / 1024**3 * PRICES.standard
    )
    assert many.moving_cost == few.moving_cost


MADE = Compaction(puts=0.002, gets=5, lists=1, rate=5000, size=18e6, beside=100, kept_s=7 * 24 * 3600)


def test_a_compacted_terabyte_falls_to_glacier_instant_retrieval_without_an_overhead():
    stored = Stored.compacted(TB, LARGE, PRICES)
    assert stored.in_glacier == pytest.approx(1024 * 0.004)
    assert stored.moving == pytest.approx(stored.objects * 30e-6)
    assert stored.moves == 2 * stored.objects


def test_small_compacted_objects_stay_where_they_are():
    stored = Stored.compacted(TB, SMALL, PRICES)
    assert stored.in_standard == stored.in_infrequent == stored.in_glacier
    assert (stored.moves, stored.moving) == (0, 0)


def test_a_month_with_compaction_has_a_week_of_lines_and_a_year_of_columns():
    load = Load(1000, vehicles=200)
    lines, both = (
        Month.of(load, FLOW, SMALL, PRICES),
        Month.compacted(load, FLOW, SMALL, MADE, PRICES),
    )
    assert both.lines_gb == pytest.approx(lines.lines_gb * 7 / 360)
    assert both.writes_cost - lines.writes_cost == pytest.approx(1.002 * MONTH_S * 5e-6)
    assert both.reads_cost - lines.reads_cost == pytest.approx(5 * MONTH_S * 0.4e-6)
    assert both.requests_cost == lines.requests_cost
    assert both.total < lines.total / 4
    assert both.unmoved_cost == lines.unmoved_cost > lines.storage_cost
