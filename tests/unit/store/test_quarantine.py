"""Quarantined bodies: how they are encoded, and how the consumer puts there what it cannot decode."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.store import quarantine
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import Delivery
from tests.builders import NOW, a_body, a_record, an_envelope, some_records, stored_records
from tests.unit.store.stepped import AT_ONCE, SteppedConsumer

BODIES = st.lists(st.tuples(st.binary(max_size=100), st.text(max_size=50)), max_size=5)


@given(BODIES)
def test_a_quarantined_body_reads_back_byte_by_byte(bodies):
    written = [QuarantinedBody.of(Delivery("1:2", body, NOW - 5, 2), reason, NOW) for body, reason in bodies]
    read = quarantine.decode(quarantine.encode(written))
    assert list(read) == written
    assert [each.body for each in read] == [body for body, _ in bodies]


def test_a_quarantined_body_says_when_how_often_and_why():
    line = quarantine.encode([QuarantinedBody.of(Delivery("1:2", b"\xff\x00", NOW - 5, 2), "No.", NOW)])
    assert msgspec.json.decode(line) == {
        "quarantined_at": "2025-10-19T14:30:00.000Z",
        "sent_at": "2025-10-19T14:29:59.995Z",
        "receives": 2,
        "reason": "No.",
        "body_base64": "/wA=",
    }


@pytest.mark.parametrize("data", [b"{", b"{}", b"[]", b"\xff", b'{"reason":"\xff"}', b"7"])
def test_what_is_no_quarantine_raises_value_error(data):
    with pytest.raises(ValueError):  # noqa: PT011  # there is any number of texts
        quarantine.decode(data)


async def test_a_body_that_cannot_be_decoded_goes_to_quarantine_with_its_reason_and_takes_no_neighbour_with_it():
    stepped = SteppedConsumer(AT_ONCE)
    broken = an_envelope(*some_records(5))[:-3]
    await stepped.send(
        an_envelope(a_record()), b"garbage", a_body(can_id="x"), broken, an_envelope(a_record(can_id="0x2"))
    )
    stored = await stepped.due_turn()
    assert (stored.records, stored.quarantined) == (2, 3)
    assert len(await stored_records(stepped.storage)) == 2
    (key,) = await stepped.keys("quarantine/")
    assert key.startswith("quarantine/year=2025/month=10/day=19/hour=14/quarantine-")
    bodies = quarantine.decode(await stepped.storage.get(key))
    assert [each.body for each in bodies] == [b"garbage", a_body(can_id="x"), broken]
    assert [each.reason.partition(":")[0] for each in bodies] == [
        "It is neither an envelope nor a JSON object.",
        "can_id",
        "It is not one whole zstd frame",
    ]
    assert await stepped.depth() == (0, 0, 0)


async def test_what_cannot_be_decoded_counts_towards_a_batch():
    stepped = SteppedConsumer(BatchLimits(count=2, size=MAX_BATCH, age_s=2.0))
    await stepped.send(b"garbage")
    assert await stepped.turn() is None
    await stepped.send(b"garbage")
    assert (await stepped.due_turn()).quarantined == 2


async def test_a_flood_of_large_garbage_is_taken_in_pieces_and_put_away_in_pieces():
    stepped = SteppedConsumer()
    await stepped.send(*(b"%07d" % number + bytes(1_000_000) for number in range(40)))
    turns = []
    while stored := await stepped.turn():
        turns.append(stored.messages)
        stepped.clock.advance(1)
    assert turns == [16, 16, 8]
    keys = await stepped.keys("quarantine/")
    data = [await stepped.storage.get(key) for key in keys]
    assert max(map(len, data)) <= MAX_BATCH
    assert sum(len(quarantine.decode(each)) for each in data) == 40


async def test_a_body_leaves_the_queue_only_once_its_quarantine_is_durable():
    stepped = SteppedConsumer(AT_ONCE)
    await stepped.send(b"garbage")
    stepped.storage.puts_left = 0
    with pytest.raises(StoreUnavailableError, match="No space"):
        await stepped.turn()
    assert await stepped.depth() == (0, 1, 0)
