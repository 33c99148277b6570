"""What is said about an hour's figures, and when."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS, format_timestamp, start_ms
from telemetry.domain.figures import certificate, revise
from telemetry.domain.figures.certificate import Asked, Certificate, Counts, Held, Wholeness
from tests.builders import HOUR

LATENESS_MS = 600_000
CLOSES_MS = start_ms(HOUR) + HOUR_MS + LATENESS_MS
WHOLE = Wholeness(expected=10, missing=0, missing_share=0.0, gaps=0, vehicles_with_gaps=0, absent={})
CLEAR = Asked(CLOSES_MS, "hours", Held())


def certify(
    previous: Certificate | None = None,
    digest: str = "a",
    asked: Asked = CLEAR,
    now_ms: int | None = None,
    **counts: int,
) -> Certificate:
    now_ms = asked.at_ms if now_ms is None else now_ms
    return revise.certificate(Counts(**counts), digest, WHOLE, previous, asked, now_ms, CLOSES_MS)


def held(**what: Any) -> Asked:
    return Asked(CLOSES_MS, "hours", Held(**what))


def test_an_hour_is_open_until_its_end_plus_the_bound():
    assert certificate.closes_ms(HOUR, LATENESS_MS) == CLOSES_MS
    made = certify(asked=Asked(CLOSES_MS - 1, "hours", Held(ready=1)), now_ms=CLOSES_MS + 5)
    assert (made.state, made.held) == ("open", Held())
    assert made.reason == f"it is open until {format_timestamp(CLOSES_MS)}"
    assert certify().state == "complete"


def test_what_was_asked_before_the_bound_says_nothing_about_the_time_after():
    assert certify(asked=Asked(CLOSES_MS - 1, "hours", Held()), now_ms=CLOSES_MS + HOUR_MS).state == "open"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"ready": 1}, "1 message in the queue"),
        ({"ready": 2}, "2 messages in the queue"),
        ({"leased": 1}, "1 message on lease"),
        ({"dead": 2}, "2 dead letters of it (telemetry dead-letters list)"),
        ({"quarantined": 1}, "1 body in quarantine (telemetry dead-letters list)"),
        ({"quarantined": 2}, "2 bodies in quarantine (telemetry dead-letters list)"),
        ({"unplaced": 1}, "1 message whose hour is not known"),
        ({"objects": 3}, "3 objects in no figures yet"),
        ({"fault": "no queue"}, "no queue"),
        (
            {"ready": 1, "dead": 1},
            "1 message in the queue, 1 dead letter of it (telemetry dead-letters list)",
        ),
    ],
)
def test_an_hour_waits_for_whatever_may_hold_records_of_it_and_says_for_what(what, reason):
    made = certify(asked=held(**what))
    assert (made.state, made.reason) == ("waiting", f"it may not be whole: {reason}")


def test_a_complete_hour_has_no_reason_and_says_since_when_it_is():
    made = certify(now_ms=CLOSES_MS + 7)
    assert (made.state, made.reason, made.since) == ("complete", "", format_timestamp(CLOSES_MS + 7))
    assert made.current.completed == made.since


def test_a_complete_hour_stays_so_whatever_is_found_later_as_long_as_its_objects_stay():
    complete = certify()
    assert certify(complete, asked=held(ready=1, fault="away"), now_ms=CLOSES_MS + 9) == complete
    assert certify(complete, asked=Asked(0, "none", Held())) == complete


def test_a_complete_hour_whose_new_objects_are_in_no_figures_is_complete_no_longer():
    assert certify(certify(), asked=held(objects=1)).state == "waiting"


def test_other_objects_make_another_revision_that_says_what_it_changed():
    first = certify(objects=1, records=5, unique=5)
    second = certify(first, "b", objects=2, records=9, unique=8, duplicates=1)
    assert (first.revision, second.revision) == (1, 2)
    assert first.changed == Counts(objects=1, records=5, unique=5)
    assert second.changed == Counts(objects=1, records=4, unique=3, duplicates=1)
    assert (second.current.number, second.current.input_digest) == (2, "b")


def test_the_same_objects_make_no_revision_and_keep_when_they_were_built():
    first = certify(asked=held(ready=1), records=5)
    again = certify(first, asked=held(ready=1), now_ms=CLOSES_MS + 60_000, records=5)
    assert again == first
    complete = certify(first, now_ms=CLOSES_MS + 90_000, records=5)
    assert (complete.revision, complete.changed, complete.current.built) == (1, first.changed, first.since)
    assert complete.since == complete.current.completed == format_timestamp(CLOSES_MS + 90_000)


def test_records_that_come_after_an_hour_was_complete_are_late_and_others_are_not():
    waiting = certify(asked=held(ready=1), records=5)
    complete = certify(waiting, "b", records=7)
    assert (waiting.late, complete.late) == (0, 0)
    later = certify(complete, "c", records=10, skewed=1)
    assert (later.state, later.late) == ("complete", 4)
    assert certify(later, "d", asked=held(ready=1), records=12, skewed=1).late == 6
    assert (
        certify(complete, "c", records=7, objects=1).late == 1
    )  # a copy of what is skewed, which counts once
    assert certify(complete, "c", records=3).late == 0


def test_the_history_keeps_what_was_complete_and_the_revision_that_counts():
    made = certify(asked=held(ready=1), digest="0")
    for number in range(1, 4):
        made = certify(made, str(number), asked=held(ready=1))
    assert [each.number for each in made.history] == [4]
    made = certify(made, "5")
    made = certify(made, "6", asked=held(ready=1))
    made = certify(made, "7")
    assert [(each.number, bool(each.completed)) for each in made.history] == [(5, True), (7, True)]
    assert made.current.number == made.revision == 7


def test_the_history_is_bounded():
    made = certify()
    for number in range(100):
        made = certify(made, str(number))
    assert [each.number for each in made.history] == list(range(70, 102))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(-5, 5)), min_size=1))
def test_complete_is_never_withdrawn_but_by_other_objects(steps: list[tuple[str, bool, int]]):
    made = None
    for digest, is_clear, minutes in steps:
        at_ms = CLOSES_MS + minutes * 60_000
        asked = Asked(at_ms, "hours", Held() if is_clear else Held(leased=1))
        following = certify(made, digest, asked)
        if made and made.state == "complete" and following.state != "complete":
            assert following.revision == made.revision + 1
        if following.state == "complete" and (not made or made.state != "complete"):
            assert is_clear
            assert at_ms >= CLOSES_MS
        made = following


def test_it_is_read_back_as_it_was_written():
    made = certify(certify(records=2), "b", asked=held(dead=1), records=3)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Certificate) == made
