"""What a process did within the last seconds, from totals that only grow."""

import pytest

from telemetry.domain.store.latency import BOUNDS_S
from telemetry.domain.watch.lately import Lately, Sums, Tallies, Window, p95

NONE = [0] * (len(BOUNDS_S) + 1)


def counts(**at: int) -> list[int]:
    """Count latencies by the name of their bound, as `up_to_5=3`; `over` is beyond all."""
    made = [*NONE]
    for name, count in at.items():
        made[-1 if name == "over" else BOUNDS_S.index(float(name.removeprefix("up_to_")))] = count
    return made


def test_a_window_compares_with_the_tallies_of_ten_seconds_ago():
    window = Window("consumer")
    for second in range(30):
        lately = window.add(Tallies(at_ms=second * 1000, stored=second * 50))
    assert lately.span_s == 10
    assert Sums.of([lately]).stored_per_s == 50


def test_a_window_forgets_what_was_before_a_jump_of_the_clock():
    window = Window("consumer")
    window.add(Tallies(at_ms=100_000, stored=5))
    lately = window.add(Tallies(at_ms=50_000, stored=9))
    assert lately.before == lately.now
    assert Sums.of([lately]).stored_per_s == 0


def test_a_process_that_was_started_again_did_not_do_less_than_nothing():
    lately = Lately("consumer", now=Tallies(2000, stored=3), before=Tallies(1000, stored=100))
    assert Sums.of([lately]).stored == 0


def test_several_processes_are_added_each_over_its_own_time():
    fast = Lately("consumer", now=Tallies(2000, stored=100), before=Tallies(1000))
    slow = Lately("consumer", now=Tallies(9000, stored=100), before=Tallies(7000))
    assert Sums.of([fast, slow]).stored_per_s == 150


def test_latencies_of_several_processes_are_judged_together():
    before = Tallies(0, stages={"queue": counts(up_to_5=100)})
    quick = Lately("consumer", Tallies(1000, stages={"queue": counts(up_to_5=100, up_to_1=90)}), before)
    late = Lately("consumer", Tallies(1000, stages={"queue": counts(over=10)}), Tallies(0))
    assert Sums.of([quick, late]).p95_s == {"queue": 3600}


def test_a_stage_without_records_has_no_percentile():
    same = Tallies(0, stages={"queue": counts(up_to_5=100)})
    assert Sums.of([Lately("consumer", same, same)]).p95_s == {}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (NONE, None),
        (counts(up_to_1=100), 0.5 + 0.5 * 0.95),
        (counts(up_to_1=95, up_to_5=5), 1.0),
        (counts(up_to_1=90, over=10), 3600),
        (counts(up_to_1=90, up_to_5=5, over=5), 5.0),
    ],
)
def test_a_p95_lies_between_the_bounds_of_its_bucket(of: list[int], expected: float | None):
    assert p95(of) == (None if expected is None else pytest.approx(expected))


def test_what_is_not_taken_as_it_was_sent_is_a_share_of_its_own_whole():
    received = Lately(
        "receiver", Tallies(1000, accepted=90, rejected=10, posts=4, failed_posts=1), Tallies(0)
    )
    consumed = Lately("consumer", Tallies(1000, stored=50, skewed=1), Tallies(0))
    assert Sums.of([received, consumed]).shares == {"rejected": 0.1, "failed": 0.25, "skewed": 0.02}
    assert set(Sums.of([]).shares.values()) == {0.0}


def test_a_window_remembers_since_when_records_are_late_and_since_when_they_are_refused():
    window = Window("consumer")
    assert window.add(Tallies(0)).late_since_ms is None
    late = [
        window.add(
            Tallies(second * 1000, skewed=second, stored=second, stages={"end_to_end": counts(over=second)})
        )
        for second in (1, 2, 3)
    ]
    assert [each.late_since_ms for each in late] == [1000] * 3
    assert [each.refused_since_ms for each in late] == [1000] * 3
    quiet = [
        window.add(Tallies(second * 1000, skewed=3, stored=3, stages={"end_to_end": counts(over=3)}))
        for second in range(4, 15)
    ]
    assert quiet[-1].late_since_ms is None
    assert quiet[-1].refused_since_ms is None
