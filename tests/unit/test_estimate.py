"""The arithmetic of a month on SQS and S3."""

import pytest

from telemetry.domain import estimate
from telemetry.domain.estimate import MONTH_S, Packing, Prices

PRICES = Prices(
    as_of="then",
    source=("there",),
    region="r",
    sqs_requests=0.40,
    s3_puts=0.005,
    to_infrequent=0.01,
    to_glacier=0.03,
    standard=0.023,
    infrequent=0.0125,
    glacier=0.0036,
)
FLEET = 10_000 * 5
PLAIN = Packing("plain", per_message=1, body=300, per_object=100, line=300)


def test_a_record_a_message_costs_three_requests_for_ten():
    month = estimate.month(FLEET, PLAIN, PRICES)
    assert month.records == pytest.approx(1.296e11)
    assert month.requests == pytest.approx(3.888e10)
    assert month.requests_cost == pytest.approx(15_552)


def test_full_chunks_cost_two_orders_of_magnitude_less():
    packed = Packing("packed", per_message=2184, body=30, per_object=16_000, line=300)
    month = estimate.month(FLEET, packed, PRICES)
    assert 15_552 / month.requests_cost > 100


def test_a_body_larger_than_a_chunk_is_billed_for_each_that_it_begins():
    one, many = (Packing("p", n, 1000, 100, 300) for n in (60, 600))
    of_one, of_many = (estimate.month(FLEET, each, PRICES) for each in (one, many))
    assert of_one.requests / (FLEET * MONTH_S / 60) == pytest.approx(2.1)
    assert of_many.requests / (FLEET * MONTH_S / 600) == pytest.approx(20.1, rel=0.1)


def test_small_objects_are_moved_once_and_large_ones_twice():
    small, large = (Packing("p", 1, 300, n, 300) for n in (100, 10_000))
    of_small, of_large = (estimate.month(FLEET, each, PRICES) for each in (small, large))
    assert of_small.transitions == of_small.puts
    assert of_large.transitions == 2 * of_large.puts
    assert of_small.infrequent_gb == 0 < of_large.infrequent_gb
    assert of_small.glacier_gb > of_large.glacier_gb  # each object brings its overhead


def test_dollars_add_up():
    month = estimate.month(FLEET, PLAIN, PRICES)
    assert month.puts_cost == pytest.approx(FLEET * MONTH_S / 100 / 1000 * 0.005)
    assert month.transitions_cost == pytest.approx(month.puts / 1000 * 0.03)
    parts = month.requests_cost + month.puts_cost + month.storage_cost + month.transitions_cost
    assert month.total == pytest.approx(parts)
