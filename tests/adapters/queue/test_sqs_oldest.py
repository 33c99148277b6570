"""When the oldest message of a queue on SQS was sent, by what CloudWatch says."""

import logging
from collections.abc import Iterator

import pytest

from harness.stub import Answer, Call, Stub, ok, sqs_error
from telemetry.adapters.queue.sqs.oldest import Oldest, bound
from tests.builders import NOW

MINUTE = 60_000
BEGIN = NOW // MINUTE * MINUTE


def minutes(*ages_s: float) -> dict[int, float]:
    return {BEGIN + n * MINUTE: age_s for n, age_s in enumerate(ages_s)}


def test_the_oldest_moment_of_the_span_counts():
    assert bound(minutes(5, 300, 1, 2), 2 * MINUTE) == BEGIN + MINUTE - 300_000
    assert bound(minutes(5, 300, 1, 2), MINUTE) == BEGIN + 2 * MINUTE - 1000


def test_ages_that_do_not_reach_back_far_enough_say_nothing():
    assert bound({}, MINUTE) == 0
    assert bound(minutes(1, 1), 2 * MINUTE) == 0


def test_minutes_in_which_the_queue_was_empty_have_no_age_and_end_nothing():
    ages_s = minutes(7, 1, 1, 1)
    del ages_s[BEGIN + MINUTE], ages_s[BEGIN + 2 * MINUTE]
    assert bound(ages_s, 2 * MINUTE) == BEGIN - 7000


def test_a_message_that_is_left_out_of_the_age_is_older_than_no_bound():
    """It is received every half minute, is left out from its third time on, and is gone after its tenth."""
    sent, gone = BEGIN + MINUTE, BEGIN + 6 * MINUTE
    for now in range(BEGIN, BEGIN + 15 * MINUTE, MINUTE):
        ages_s = {
            minute: (minute - sent) / 1000 if sent <= minute < sent + 2 * MINUTE else 1.0
            for minute in range(BEGIN - 20 * MINUTE, now, MINUTE)
        }
        found = bound(ages_s, gone - sent)
        assert found <= sent or now > gone


@pytest.fixture
def oldest(stub: Stub) -> Iterator[Oldest]:
    stub.script = lambda _: ok(Datapoints=[])
    made = Oldest("q", MINUTE)
    yield made
    made.close()


async def test_cloudwatch_is_asked_once_a_minute_for_the_ages_of_the_queue(stub: Stub, oldest: Oldest):
    asked: list[Call] = []

    def script(call: Call) -> Answer:
        asked.append(call)
        points = [{"Timestamp": minute / 1000, "Maximum": 4.0} for minute in minutes(*[4] * 6)]
        return ok(Datapoints=points)

    stub.script = script
    expected = BEGIN + 2 * MINUTE - 4000
    assert await oldest.sent_ms(NOW) == expected
    assert await oldest.sent_ms(NOW + MINUTE - 1) == expected
    assert len(asked) == 1
    stub.script = lambda _: ok(Datapoints=[])
    assert await oldest.sent_ms(NOW + MINUTE) == expected  # what was once true stays so


async def test_who_may_not_ask_hears_of_it_once(stub: Stub, oldest: Oldest, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    stub.script = lambda _: sqs_error("AccessDenied", 403)
    for n in range(3):
        assert await oldest.sent_ms(NOW + n * MINUTE) == 0
    (said,) = [each.getMessage() for each in caplog.records]
    assert "CloudWatch does not tell how old" in said
