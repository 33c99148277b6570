"""When to change the design, and what first."""

import pytest

from telemetry.domain.figures.report import Line
from telemetry.domain.watch import triggers
from telemetry.domain.watch.lately import Lately, Tallies
from telemetry.domain.watch.triggers import Measured, Packing

AT_THE_BOUNDS = Measured(5000, 0.005, 60, 5, 50, 600)


def a_line(**counts: int) -> Line:
    """Make the line of an hour of which only some counts matter."""
    texts = {name: "" for name, kind in Line.__annotations__.items() if kind is not int}
    numbers = {name: 0 for name, kind in Line.__annotations__.items() if kind is int}
    return Line(**{**texts, **numbers, **counts})  # type: ignore[arg-type]


def test_no_trigger_fires_at_its_bound_or_where_nothing_is_known():
    assert not [each.name for each in triggers.check(AT_THE_BOUNDS) if each.fires]
    assert not [each.name for each in triggers.check(Measured()) if each.fires]
    assert [each.value for each in triggers.check(Measured())] == [None] * 6


@pytest.mark.parametrize(
    ("name", "measured", "first"),
    [
        ("sustained rate", Measured(records_per_s=5000.1), "pack"),
        ("duplicates", Measured(duplicates_share=0.0051), "consumers"),
        ("oldest message", Measured(oldest_s=61), "pack"),
        ("P95 end to end", Measured(p95_s=5.1), "pack"),
        ("month on AWS", Measured(month=50.01), "pack"),
        ("aggregation of an hour", Measured(build_s=601), "buckets"),
    ],
)
def test_each_trigger_fires_beyond_its_bound_and_says_what_to_do_first(name, measured, first):
    (fired,) = (each for each in triggers.check(measured) if each.fires)
    assert fired.name == name
    assert fired.steps[0].startswith(f"{first}: ")


def test_what_to_do_stands_in_one_order():
    order = ["pack", "consumers", "buckets", "compact", "fifo", "kinesis"]
    for each in triggers.check(Measured()):
        steps = [order.index(step.partition(":")[0]) for step in each.steps]
        assert steps == sorted(steps), each.name


def test_duplicates_are_a_share_of_all_records_of_the_hours():
    hours = [a_line(records=900, duplicates=0), a_line(records=100, duplicates=10)]
    assert triggers.duplicates_share(hours) == 0.01
    assert triggers.duplicates_share([]) is None


def test_packing_is_what_all_consumers_saw():
    one = Tallies(1, stored=100, messages=10, objects=1, size=30_000)
    other = Tallies(1, stored=300, messages=10, objects=3, size=10_000)
    seen = Packing.of([Lately("consumer", each, each) for each in (one, other)])
    assert seen == Packing(per_message=20, per_object=100, object_size=10_000)
    assert Packing.of([]) is None
