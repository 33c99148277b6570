"""What is valid in a body is sent to the outbox, and answered once it is durable."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.contract.record import Answer, Parsed, Rejection
from telemetry.domain.transport.ingest import Ingest, NotPermittedError
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import HOUR, NOW, POLICY, a_record, records, some_records
from tests.fakes import FakeOutbox
from tests.waiting import settle

REJECTION = Rejection(1, "can_id: no")


def anybody(_: str) -> bool:
    return True


async def test_what_is_valid_is_sent_and_what_is_not_is_answered():
    outbox = FakeOutbox()
    answer = await Ingest(outbox, POLICY).accept(Parsed(some_records(3), [REJECTION]), anybody)
    assert answer == Answer(3, [REJECTION])
    (parcel,) = outbox.parcels
    assert parcel.lines == codec.encode_lines(some_records(3))
    assert parcel.partition == Partition("raw", HOUR)


async def test_where_nothing_is_valid_the_outbox_is_left_alone():
    answer = await Ingest(FakeOutbox(is_full=True), POLICY).accept(Parsed([], [REJECTION]), anybody)
    assert answer == Answer(0, [REJECTION])


async def test_nothing_is_answered_before_the_outbox_says_that_it_is_durable():
    outbox = FakeOutbox()
    outbox.gate.clear()
    answering = asyncio.ensure_future(Ingest(outbox, POLICY).accept(Parsed([a_record()], []), anybody))
    await settle()
    assert not answering.done()
    outbox.gate.set()
    assert (await answering).accepted == 1


async def test_an_outbox_that_cannot_leaves_nothing_accepted():
    with pytest.raises(QueueUnavailableError, match="full"):
        await Ingest(FakeOutbox(is_full=True), POLICY).accept(Parsed([a_record()], []), anybody)


async def test_one_vehicle_that_is_not_permitted_keeps_all_of_the_body_out():
    outbox = FakeOutbox()
    parsed = Parsed([a_record(vehicle_id="ours"), a_record(vehicle_id="theirs")], [])
    with pytest.raises(NotPermittedError, match="may not send for vehicle theirs"):
        await Ingest(outbox, POLICY).accept(parsed, "ours".__eq__)
    assert outbox.sends == []


async def test_a_vehicle_is_asked_about_once_a_body():
    asked: list[str] = []

    def permits(vehicle_id: str) -> bool:
        asked.append(vehicle_id)
        return True

    await Ingest(FakeOutbox(), POLICY).accept(Parsed(some_records(10), []), permits)
    assert asked == ["veh-00123"]


async def test_a_body_of_several_hours_and_clocks_is_sorted_into_partitions_and_sent_once():
    outbox = FakeOutbox()
    body = [
        a_record(),
        a_record(timestamp_ms=NOW - HOUR_MS),
        a_record(timestamp_ms=0),
        a_record(timestamp_ms=NOW + 1),
    ]
    await Ingest(outbox, POLICY).accept(Parsed(body, []), anybody)
    assert len(outbox.sends) == 1
    assert [(parcel.partition, parcel.count) for parcel in outbox.parcels] == [
        (Partition("raw", HOUR), 2),
        (Partition("raw", Hour(HOUR - 1)), 1),
        (Partition("skewed", HOUR), 1),
    ]


@given(
    st.lists(
        records(timestamps=st.integers(NOW - HOUR_MS, NOW), received=st.just(NOW)), min_size=1, max_size=40
    ),
    st.integers(0, 3000),
    st.sampled_from([1, 3]),
)
def test_parcels_lose_nothing_keep_order_and_exceed_no_limit_but_for_a_lone_record(sent, limit, buckets):
    outbox, policy = FakeOutbox(limit), PartitionPolicy(buckets=buckets)
    answer = asyncio.run(Ingest(outbox, policy).accept(Parsed(sent, []), anybody))
    assert answer.accepted == len(sent)
    assert all(parcel.size <= limit or parcel.count == 1 for parcel in outbox.parcels)
    for place in {policy.place(record) for record in sent}:
        lines = b"".join(parcel.lines for parcel in outbox.parcels if parcel.partition == place)
        assert lines == codec.encode_lines(record for record in sent if policy.place(record) == place)
    assert sum(parcel.count for parcel in outbox.parcels) == len(sent)
