"""The naive model of an hour, by hand."""

import pytest

from harness.histories import stored
from harness.histories.stored import Line

AT = 1_760_877_296_123
"""2025-10-19T12:34:56.123Z."""


def a_line(at_ms: int = AT, received_ms: int = AT, **payload: float) -> Line:
    return Line(("veh-1", "0x1", at_ms), payload or {"x": 1.0}, received_ms)


def test_a_line_of_the_store_is_read():
    line = b'{"timestamp":"2025-10-19T12:34:56.123Z","vehicle_id":"veh-1","can_id":"0x1","payload":{"x":1.0},'
    line += b'"ingest_received_at":"2025-10-19T12:34:56.200Z"}\n'
    assert stored.lines_of("raw/a.jsonl", line) == [a_line(received_ms=AT + 77)]


def test_folders_and_stamps_are_those_of_the_hour():
    hour = AT // 3_600_000
    assert stored.folder(hour) == "year=2025/month=10/day=19/hour=12"
    assert stored.stamp(hour) == "20251019T12Z"
    assert stored.hour_at(f"raw/{stored.folder(hour)}/bucket=01/a.jsonl") == hour


@pytest.mark.parametrize(
    ("early_ms", "tree"), [(0, "raw"), (300_000, "raw"), (300_001, "skewed"), (-604_800_000, "raw")]
)
def test_a_record_is_believed_up_to_both_bounds(early_ms: int, tree: str):
    assert stored.place(AT + early_ms, AT)[0] == tree


def test_the_copy_received_first_counts_and_of_two_the_lowest():
    first, later, lower = a_line(x=2.0), a_line(received_ms=AT + 1, x=0.0), a_line(x=1.0)
    figures = stored.figures([later, first, lower], set())
    assert (figures["records"], figures["unique"], figures["duplicates"]) == (3, 1, 2)
    assert figures["conflicting"] == 2
    assert figures["vehicles"]["veh-1"]["signals"]["x"] == {"count": 1, "min": 1.0, "max": 1.0, "avg": 1.0}


def test_what_is_believed_in_another_copy_is_not_skewed():
    skewed = a_line(received_ms=AT + 8 * 86_400_000)
    assert stored.figures([skewed], set())["skewed"] == range(1, 2)
    assert stored.figures([skewed], {skewed.identity})["skewed"] == range(1)


def test_a_copy_far_away_may_count_or_not():
    skewed = a_line(received_ms=AT + 61 * 86_400_000)
    assert stored.figures([skewed], {skewed.identity})["skewed"] == range(2)
