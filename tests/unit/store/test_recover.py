from collections.abc import Sequence

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.recover import Recovery, SetAside
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.builders import NOW, a_record, put_batch


class Queue(MemoryQueue):
    """A queue that on demand refuses the bodies that it is sent, or cannot be reached."""

    refuses: Sequence[int] = ()
    is_away = False

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        if self.is_away:
            raise QueueUnavailableError("It is away.")
        return self.refuses or await super().send(bodies)


class Office:
    """A queue and a store with letters in them."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.queue = Queue(self.clock, LeaseTerms(visibility_ms=1000, max_receives=1))
        self.storage = MemoryStorage(self.clock)
        self.recover = Recovery(self.queue, self.storage)

    async def quarantine(self, *bodies: bytes) -> str:
        letters = [
            QuarantinedBody.of(Delivery("1:2", body, NOW - 5000, 2), f"{body!r} is bad", self.clock.wall_ms())
            for body in bodies
        ]
        data = quarantine.encode(letters)
        key = objects.quarantine_key(self.clock.wall_ms(), data)
        await self.storage.put(key, data)
        return key

    async def bury(self, *bodies: bytes) -> list[str]:
        await self.queue.send(bodies)
        await self.queue.receive(10, 0)
        self.clock.advance(1)
        await self.queue.receive(10, 0)
        return [f"queue/{letter.handle}" for letter in await self.queue.dead(10)]

    async def letters(self) -> list[SetAside]:
        return [letter async for letter in self.recover.items()]

    async def received(self) -> list[tuple[bytes, int]]:
        return [(delivery.body, delivery.receives) for delivery in await self.queue.receive(10, 0)]


@pytest.fixture
def office() -> Office:
    return Office()


async def test_where_nothing_was_put_aside_there_are_no_letters(office):
    assert await office.letters() == []
    assert await office.recover.replay([]) == []


async def test_letters_are_those_in_quarantine_and_then_the_dead(office):
    key = await office.quarantine(b"one", b"two")
    (name,) = await office.bury(b"poison")
    assert await office.letters() == [
        SetAside(key, "2025-10-19T14:29:55.000Z", 2, "b'one' is bad", b"one"),
        SetAside(key, "2025-10-19T14:29:55.000Z", 2, "b'two' is bad", b"two"),
        SetAside(
            name, "2025-10-19T14:30:00.000Z", 1, "It was received 1 times and never deleted.", b"poison"
        ),
    ]


async def test_letters_in_quarantine_are_shown_the_oldest_first(office):
    keys = []
    for _ in range(3):
        keys.append(await office.quarantine(b"x"))
        office.clock.advance(3600)
    assert [letter.name for letter in await office.letters()] == keys


async def test_looking_at_letters_leaves_them_where_they_are(office):
    await office.quarantine(b"one")
    await office.bury(b"poison")
    assert await office.letters() == await office.letters()
    assert await office.queue.depth() == Depth(0, 0, 1)


async def test_a_quarantined_object_goes_back_to_the_queue_as_it_came(office):
    key = await office.quarantine(b"\xff\x00", b"two")
    assert await office.recover.replay([key]) == []
    assert await office.received() == [(b"\xff\x00", 1), (b"two", 1)]
    assert await office.storage.list("") == []


async def test_a_dead_letter_is_sent_anew(office):
    names = await office.bury(b"poison", b"other")
    assert await office.recover.replay(names[:1]) == []
    assert await office.received() == [(b"poison", 1)]
    assert [letter.body for letter in await office.letters()] == [b"other"]


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
async def test_a_name_of_which_there_is_no_letter_is_returned(office, name):
    key = await office.quarantine(b"one")
    assert await office.recover.replay([name, key]) == [name]
    assert await office.received() == [(b"one", 1)]


async def test_a_letter_is_replayed_once_though_it_is_named_twice(office):
    key = await office.quarantine(b"one")
    (name,) = await office.bury(b"poison")
    assert await office.recover.replay([key, key, name, name]) == [key, name]
    assert await office.received() == [(b"one", 1), (b"poison", 1)]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"foreign":1}\n'])
async def test_an_object_outside_the_quarantine_is_no_letter_whatever_it_holds(office, data):
    await put_batch(office.storage, a_record())
    await office.storage.put("raw/stray.jsonl", data)
    names = [entry.key for entry in await office.storage.list("")]
    assert await office.recover.replay(names) == names
    assert [entry.key for entry in await office.storage.list("")] == names
    assert await office.received() == []


@pytest.mark.parametrize("damage", [b"{", b"\xff", b'{"foreign":1}\n'])
async def test_an_object_in_quarantine_that_is_damaged_stays_there(office, damage):
    key = await office.quarantine(b"one")
    await office.storage.put(key, damage, overwrite=True)
    assert await office.recover.replay([key]) == [key]
    assert await office.storage.get(key) == damage


async def test_a_letter_leaves_quarantine_only_once_the_queue_holds_it(office):
    key = await office.quarantine(b"one", b"two")
    office.queue.refuses = [1]
    assert await office.recover.replay([key]) == [key]
    office.queue.is_away = True
    with pytest.raises(QueueUnavailableError):
        await office.recover.replay([key])
    assert [entry.key for entry in await office.storage.list("")] == [key]
    office.queue.refuses, office.queue.is_away = (), False
    assert await office.recover.replay([key]) == []
    assert await office.received() == [(b"one", 1), (b"two", 1)]
