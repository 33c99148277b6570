"""How old the messages of an SQS queue can be, by counts that lag behind."""

from telemetry.adapters.queue.sqs.ages import SETTLES_MS, Ages
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced
from tests.builders import NOW

NONE = Depth(0, 0, 0)
SOME = Depth(0, 1, 0)


def first_ms(found: Outlook) -> int:
    (unplaced,) = found.unplaced
    assert found.basis == "age"
    return unplaced.first_ms


def test_a_queue_that_is_not_empty_may_hold_messages_of_any_age():
    assert Ages().outlook(SOME, NOW) == Outlook({}, [Unplaced(SOME, 0, NOW)], "age")


def test_a_queue_is_empty_once_all_looks_of_a_minute_found_it_so():
    ages = Ages()
    assert first_ms(ages.outlook(NONE, NOW)) == 0
    assert first_ms(ages.outlook(NONE, NOW + SETTLES_MS - 1)) == 0
    assert first_ms(ages.outlook(NONE, NOW + SETTLES_MS)) == NOW
    assert first_ms(ages.outlook(NONE, NOW + 2 * SETTLES_MS)) == NOW + SETTLES_MS


def test_a_message_that_is_seen_meanwhile_begins_the_minute_anew():
    ages = Ages()
    ages.outlook(NONE, NOW)
    assert first_ms(ages.outlook(Depth(0, 0, 1), NOW + SETTLES_MS)) == 0
    assert first_ms(ages.outlook(NONE, NOW + SETTLES_MS + 1)) == 0
    assert first_ms(ages.outlook(NONE, NOW + 2 * SETTLES_MS + 1)) == NOW + SETTLES_MS + 1


def test_a_queue_that_is_never_empty_is_bounded_by_the_age_of_its_oldest_message():
    ages = Ages()
    assert first_ms(ages.outlook(SOME, NOW, NOW - 5)) == 0  # of before the first look: something may be anew
    assert first_ms(ages.outlook(SOME, NOW + 10, NOW)) == 0
    assert first_ms(ages.outlook(SOME, NOW + 20, NOW + 1)) == NOW + 1
    assert first_ms(ages.outlook(SOME, NOW + 30)) == 0


def test_after_a_dead_letter_only_what_is_younger_counts_since_it_may_have_been_sent_anew():
    ages = Ages()
    ages.outlook(SOME, NOW)
    assert first_ms(ages.outlook(Depth(0, 0, 1), NOW + 100, NOW + 50)) == 0
    assert first_ms(ages.outlook(SOME, NOW + 200, NOW + 100)) == 0
    assert first_ms(ages.outlook(SOME, NOW + 300, NOW + 101)) == NOW + 101


def test_of_two_bounds_the_later_counts():
    ages = Ages()
    for _ in range(2):
        ages.outlook(NONE, NOW)
    assert first_ms(ages.outlook(NONE, NOW + 2 * SETTLES_MS, NOW + 1)) == NOW + 1
