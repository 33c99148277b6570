"""The rules of the model; `test_estimate_counted.py` holds the whole of it to what the roles do."""

import msgspec
import pytest

from telemetry.domain.estimate import flow
from telemetry.domain.estimate.load import Load, Terms

TERMS = Terms(
    linger_s=0.05,
    max_content=780_000,
    batch_size=100,
    batch_timeout_s=2,
    max_object=5_000_000,
    pause_s=0.2,
    poll_s=20,
    receivers=4,
    look_s=10,
)
THOUSAND = Load(1000)


def but(**changes: object) -> Terms:
    return msgspec.structs.replace(TERMS, **changes)


def test_the_plain_design_makes_three_requests_for_ten_records():
    found = flow.plain(Load(50_000), TERMS)
    assert found.requests - found.checks == pytest.approx(15_000)
    assert (found.per_message, found.per_object) == (1, 100)
    assert found.puts == pytest.approx(500)


def test_a_message_holds_what_comes_while_the_first_post_lingers():
    assert flow.modelled(THOUSAND, TERMS).per_message == pytest.approx(51)
    assert flow.modelled(THOUSAND, but(linger_s=0.02)).per_message == pytest.approx(21)
    assert flow.modelled(Load(0.1), TERMS).per_message == pytest.approx(1, rel=0.01)


def test_without_a_linger_a_message_holds_what_comes_while_the_last_one_is_sent():
    assert flow.modelled(THOUSAND, but(linger_s=0, sqs_s=0.02)).per_message == pytest.approx(20)
    assert flow.modelled(Load(10), but(linger_s=0)).per_message == pytest.approx(1)


def test_a_message_holds_at_least_a_post():
    assert flow.modelled(Load(1000, per_post=500), TERMS).per_message == pytest.approx(550)


def test_receivers_fill_messages_of_their_own():
    one, four = (flow.modelled(Load(1000, receivers=n), TERMS) for n in (1, 4))
    assert four.per_message < one.per_message / 3
    assert four.checks - one.checks == pytest.approx(3 * 2 / TERMS.check_s)


def test_buckets_make_messages_and_objects_of_their_own():
    one, four = (flow.modelled(THOUSAND, but(buckets=n)) for n in (1, 4))
    assert four.per_message == pytest.approx(one.per_message / 4, rel=0.01)
    assert four.per_object < one.per_object
    alone = flow.modelled(Load(1000, vehicles=1), but(buckets=4))
    assert alone.per_message == pytest.approx(51)


def test_what_exceeds_a_message_is_sent_in_several_and_what_exceeds_a_chunk_is_billed_twice():
    fast = flow.modelled(Load(200_000), TERMS)
    assert fast.per_message * 316 <= TERMS.max_content
    assert fast.sends == pytest.approx(200_000 / fast.per_message * 2, rel=0.1)
    large = flow.modelled(Load(100, per_post=20_000), TERMS)
    assert large.per_message <= TERMS.max_content / 316


def test_a_flush_takes_a_batch_or_what_comes_within_its_time_or_an_object_full():
    assert flow.modelled(THOUSAND, TERMS).per_object >= 100
    assert flow.modelled(Load(1), TERMS).per_object == pytest.approx(3, rel=0.1)
    assert flow.modelled(Load(1), but(batch_timeout_s=20)).per_object == pytest.approx(21, rel=0.1)
    huge = flow.modelled(Load(100_000), but(batch_size=10_000_000, batch_timeout_s=60))
    assert huge.per_object * 300 == pytest.approx(5_000_000, rel=0.1)


def test_an_idle_consumer_polls_all_the_same():
    idle = flow.modelled(Load(1e-6), TERMS)
    assert idle.receives == pytest.approx(1 / 20, rel=0.01)
    assert flow.modelled(Load(1e-6, consumers=3), TERMS).receives == pytest.approx(3 / 20, rel=0.01)


def test_what_was_measured_counts_for_messages_and_objects():
    found = flow.measured(THOUSAND, TERMS, per_message=250, per_object=500)
    assert (found.per_message, found.per_object) == (250, 500)
    assert found.puts == pytest.approx(2)


def test_compressed_objects_are_smaller():
    assert but(is_compressed=True).object_size(200) < TERMS.object_size(200) / 8
