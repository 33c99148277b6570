"""What may hold records of an hour beside the raw store."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour
from telemetry.domain.figures.certificate import Held
from telemetry.domain.figures.evidence import Evidence, Inquiry
from telemetry.domain.store.objects import QUARANTINE
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.recover import Recovery
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.transport.lease import Delivery, Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced
from tests.builders import HOUR, NOW, POLICY, a_record, an_envelope, put_quarantined
from tests.fakes import FailingQueue, FailingStorage

BODY = an_envelope(a_record())
LATER = NOW + 10 * HOUR_MS


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def queue(clock) -> FailingQueue:
    return FailingQueue(clock)


@pytest.fixture
def storage(clock) -> FailingStorage:
    return FailingStorage(clock)


def quarantined(body: bytes, sent_ms: int = NOW) -> QuarantinedBody:
    return QuarantinedBody.of(Delivery("h", body, sent_ms, 1), "why", NOW)


def held(evidence: Evidence, hour: int = HOUR, until_ms: int = LATER) -> Held:
    return evidence.of_hour(Hour(hour), until_ms, POLICY).held


async def test_nothing_is_held_of_an_hour_if_queue_and_quarantine_are_empty(queue, storage):
    evidence = await Inquiry(storage, queue).ask(NOW)
    assert evidence.of_hour(HOUR, LATER, POLICY).basis == "hours"
    assert (evidence.at_ms, held(evidence)) == (NOW, Held())


async def test_messages_and_quarantined_bodies_are_counted_for_their_hours(queue, storage):
    await queue.send([BODY, BODY])
    await queue.receive(1, 0)
    await put_quarantined(storage, quarantined(BODY), quarantined(BODY))
    evidence = await Inquiry(storage, queue).ask(NOW)
    assert held(evidence) == Held(ready=1, leased=1, quarantined=2)
    assert held(evidence, HOUR + 1) == Held()


async def test_what_names_no_hour_counts_for_each_that_it_may_be_of(queue, storage):
    await queue.send([b"neither"])
    await put_quarantined(storage, quarantined(b"nor", NOW - HOUR_MS))
    evidence = await Inquiry(storage, queue).ask(NOW)
    assert held(evidence) == Held(unplaced=1)
    assert held(evidence, HOUR - 1) == Held(unplaced=2)
    assert held(evidence, until_ms=NOW - 1) == Held()


async def test_an_object_of_the_quarantine_that_is_damaged_may_hold_anything_from_before(queue, storage):
    await storage.put(f"{QUARANTINE}x", b"{")
    evidence = await Inquiry(storage, queue).ask(NOW)
    assert held(evidence) == held(evidence, HOUR - 1000) == Held(unplaced=1)
    assert held(evidence, HOUR + 1) == Held()


async def test_objects_in_no_figures_are_held_too(queue, storage):
    evidence = await Inquiry(storage, queue).ask(NOW)
    assert evidence.of_hour(HOUR, LATER, POLICY, objects=2).held == Held(objects=2)


async def test_where_no_queue_can_be_asked_it_says_so(queue, storage):
    assert held(await Inquiry(storage, None).ask(NOW)).fault == "no queue was asked"
    queue.failing = {"outlook"}
    evidence = await Inquiry(storage, queue).ask(NOW)
    assert held(evidence).fault == "it could not be asked: outlook fails"
    assert evidence.of_hour(HOUR, LATER, POLICY).basis == "none"
    storage.failing = {"list"}
    assert (
        held(await Inquiry(storage, FailingQueue(ManualClock(NOW))).ask(NOW)).fault
        == "it could not be asked: list fails"
    )


def test_a_queue_whose_counts_lag_behind_is_not_taken_for_empty():
    evidence = Evidence(NOW, Outlook({}, [Unplaced(Depth(0, 0, 0), 0, NOW)], "age"))
    assert held(evidence) == Held(fault="the counts of the queue lag behind")
    assert evidence.of_hour(HOUR, LATER, POLICY).basis == "age"


async def test_quarantined_objects_are_read_once_and_forgotten_when_they_are_gone(queue, storage):
    key = await put_quarantined(storage, quarantined(BODY))
    inquiry = Inquiry(storage, queue)
    await inquiry.ask(NOW)
    storage.failing = {"get"}
    assert held(await inquiry.ask(NOW)) == Held(quarantined=1)
    await storage.delete(key)
    assert held(await inquiry.ask(NOW)) == Held()


class Passing:
    """Lets something happen before a certain step."""

    def __init__(self, place: int, happen: Callable[[], Awaitable[object]]) -> None:
        self._left = place
        self._happen = happen

    async def __call__(self) -> None:
        self._left -= 1
        if self._left == -1:
            await self._happen()


class PassingStorage(FailingStorage):
    passing: Callable[[], Awaitable[object]] | None = None

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        if self.passing:
            await self.passing()
        return await super().list(prefix)

    async def get(self, key: str) -> bytes:
        if self.passing:
            await self.passing()
        return await super().get(key)


class PassingQueue(FailingQueue):
    passing: Callable[[], Awaitable[object]] | None = None

    async def outlook(self) -> Outlook:
        if self.passing:
            await self.passing()
        return await super().outlook()


@pytest.mark.parametrize("place", range(6))
async def test_a_body_that_is_replayed_at_any_step_of_the_look_is_found(clock, place: int):
    queue, storage = PassingQueue(clock), PassingStorage(clock)
    key = await put_quarantined(storage, quarantined(BODY))

    async def replay() -> None:
        storage.passing = None
        assert await Recovery(queue, storage).replay([key]) == []
        storage.passing = passing

    passing = Passing(place, replay)
    storage.passing = queue.passing = passing
    found = held(await Inquiry(storage, queue).ask(NOW))
    assert found.ready + found.quarantined >= 1
    assert place > 4 or await storage.list("") == []


class ByAge:
    """A queue that knows when its oldest message was sent, and nothing else."""

    def __init__(self) -> None:
        self.first_ms = 0

    async def outlook(self) -> Outlook:
        return Outlook({}, [Unplaced(Depth(0, 0, 0), self.first_ms, LATER)], "age")


async def test_what_left_quarantine_may_be_in_a_queue_that_knows_only_ages(storage):
    await put_quarantined(storage, quarantined(BODY))
    (key,) = [each.key for each in await storage.list(QUARANTINE)]
    queue = ByAge()
    inquiry = Inquiry(storage, queue)
    queue.first_ms = LATER
    assert held(await inquiry.ask(NOW)).quarantined == 1
    await storage.delete(key)  # as a replay does, once it is durable in the queue
    queue.first_ms = NOW + 1
    assert held(await inquiry.ask(NOW + 1)).quarantined == 1
    assert held(await inquiry.ask(NOW + 2)).quarantined == 1
    queue.first_ms = NOW + 2
    assert held(await inquiry.ask(NOW + 3)).quarantined == 0
