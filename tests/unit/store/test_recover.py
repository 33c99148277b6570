"""How what was set aside, in quarantine or as dead letters, is shown and processed again."""

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.recover import Recovery, SetAside
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import NOW, a_record, put_batch, put_quarantined
from tests.fakes import FailingQueue


class Aside:
    """A queue and a store in which messages are set aside, and what recovers them."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.queue = FailingQueue(self.clock, LeaseTerms(visibility_ms=1000, max_receives=1))
        self.storage = MemoryStorage(self.clock)
        self.recovery = Recovery(self.queue, self.storage)

    async def quarantine(self, *bodies: bytes) -> str:
        """Put bodies into quarantine; return the name of their object."""
        now = self.clock.wall_ms()
        quarantined = [
            QuarantinedBody.of(Delivery("1:2", body, NOW - 5000, 2), f"{body!r} is bad", now)
            for body in bodies
        ]
        return await put_quarantined(self.storage, *quarantined, now=now)

    async def make_dead(self, *bodies: bytes) -> list[str]:
        """Make dead letters of bodies; return their names."""
        await self.queue.send(bodies)
        await self.queue.receive(10, 0)
        self.clock.advance(1)
        await self.queue.receive(10, 0)
        return [f"queue/{letter.handle}" for letter in await self.queue.dead(10)]

    async def items(self) -> list[SetAside]:
        return [item async for item in self.recovery.items()]

    async def received(self) -> list[tuple[bytes, int]]:
        return [(delivery.body, delivery.receives) for delivery in await self.queue.receive(10, 0)]


@pytest.fixture
def aside() -> Aside:
    return Aside()


async def test_where_nothing_is_set_aside_there_are_no_items(aside):
    assert await aside.items() == []
    assert await aside.recovery.replay([]) == []


async def test_items_are_quarantined_bodies_and_then_dead_letters(aside):
    key = await aside.quarantine(b"one", b"two")
    (name,) = await aside.make_dead(b"poison")
    assert await aside.items() == [
        SetAside(key, "2025-10-19T14:29:55.000Z", 2, "b'one' is bad", b"one"),
        SetAside(key, "2025-10-19T14:29:55.000Z", 2, "b'two' is bad", b"two"),
        SetAside(
            name, "2025-10-19T14:30:00.000Z", 1, "It was received 1 times and never deleted.", b"poison"
        ),
    ]


async def test_quarantined_bodies_are_shown_the_oldest_first(aside):
    keys = []
    for _ in range(3):
        keys.append(await aside.quarantine(b"x"))
        aside.clock.advance(3600)
    assert [item.name for item in await aside.items()] == keys


async def test_looking_at_items_leaves_them_where_they_are(aside):
    await aside.quarantine(b"one")
    await aside.make_dead(b"poison")
    assert await aside.items() == await aside.items()
    assert await aside.queue.depth() == Depth(0, 0, 1)


async def test_a_quarantined_object_goes_back_to_the_queue_as_it_came(aside):
    key = await aside.quarantine(b"\xff\x00", b"two")
    assert await aside.recovery.replay([key]) == []
    assert await aside.received() == [(b"\xff\x00", 1), (b"two", 1)]
    assert await aside.storage.list("") == []


async def test_a_dead_letter_is_sent_anew(aside):
    names = await aside.make_dead(b"poison", b"other")
    assert await aside.recovery.replay(names[:1]) == []
    assert await aside.received() == [(b"poison", 1)]
    assert [item.body for item in await aside.items()] == [b"other"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "quarantine/",
        "quarantine/nothing.jsonl",
        "queue/",
        "queue/7:1",
        "queue/poison",
        "queue/1:2:3",
        "nonsense",
        "../../etc/passwd",
    ],
)
async def test_a_name_of_nothing_is_returned(aside, name):
    key = await aside.quarantine(b"one")
    assert await aside.recovery.replay([name, key]) == [name]
    assert await aside.received() == [(b"one", 1)]


async def test_an_item_is_replayed_once_though_it_is_named_twice(aside):
    key = await aside.quarantine(b"one")
    (name,) = await aside.make_dead(b"poison")
    assert await aside.recovery.replay([key, key, name, name]) == [key, name]
    assert await aside.received() == [(b"one", 1), (b"poison", 1)]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"foreign":1}\n'])
async def test_an_object_outside_the_quarantine_is_not_replayed_whatever_it_holds(aside, data):
    await put_batch(aside.storage, a_record())
    await aside.storage.put("raw/stray.jsonl", data)
    names = [info.key for info in await aside.storage.list("")]
    assert await aside.recovery.replay(names) == names
    assert [info.key for info in await aside.storage.list("")] == names
    assert await aside.received() == []


@pytest.mark.parametrize("damage", [b"{", b"\xff", b'{"foreign":1}\n'])
async def test_an_object_in_quarantine_that_is_damaged_stays_there(aside, damage):
    key = await aside.quarantine(b"one")
    await aside.storage.put(key, damage, overwrite=True)
    assert await aside.recovery.replay([key]) == [key]
    assert await aside.storage.get(key) == damage


async def test_a_body_leaves_quarantine_only_once_the_queue_holds_it(aside):
    key = await aside.quarantine(b"one", b"two")
    aside.queue.refused = [1]
    assert await aside.recovery.replay([key]) == [key]
    assert await aside.received() == [(b"one", 1)]  # which was sent, and is sent again with the other
    aside.queue.failing = {"send"}
    with pytest.raises(QueueUnavailableError):
        await aside.recovery.replay([key])
    assert [info.key for info in await aside.storage.list("")] == [key]
    aside.queue.refused, aside.queue.failing = (), ()
    assert await aside.recovery.replay([key]) == []
    assert await aside.received() == [(b"one", 1), (b"two", 1)]


async def test_what_is_dismissed_is_kept_elsewhere_and_is_no_item_any_more(aside):
    key, (dead,) = await aside.quarantine(b"one"), await aside.make_dead(b"poison")
    data = await aside.storage.get(key)
    assert await aside.recovery.dismiss([key, dead, key, "quarantine/none"]) == [dead, key, "quarantine/none"]
    assert [item.name for item in await aside.items()] == [dead]
    assert await aside.storage.get(f"dismissed/{key.removeprefix('quarantine/')}") == data
