"""A canary goes the whole road, into a tree of its own, and one lost record of it is noticed in time."""

import asyncio

import pytest

from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Prover
from telemetry.domain.store.flush import StoredBatch
from telemetry.domain.watch.canary import CanaryReport
from telemetry.entrypoints.shared.probing import Probing
from tests.builders import NOW, a_record, an_envelope
from tests.unit.store.stepped import SteppedConsumer


class Shown:
    """Metrics that remember the proof line."""

    def __init__(self) -> None:
        self.report = CanaryReport(0, 0, 0, None)

    def canary(self, report: CanaryReport) -> None:
        self.report = report


class Road:
    """A receiver's canary and a consumer, stepped by hand: a step is two seconds."""

    def __init__(self) -> None:
        self.stepped = SteppedConsumer()
        self.clock, self.storage, self.queue = self.stepped.clock, self.stepped.storage, self.stepped.queue
        self.shown = Shown()
        outbox = LingeringOutbox(self.queue, self.clock, 0, 1_000_000)
        self.probing = Probing(outbox, self.queue, self.storage, self.shown, self.clock)

    async def step(self) -> StoredBatch | None:
        await self.probing.send()
        await self.stepped.turn()
        self.clock.advance(2)
        stored = await self.stepped.turn()
        await self.probing.look()
        return stored


@pytest.fixture
async def road() -> Road:
    return Road()


async def test_all_records_come_to_a_tree_of_their_own_and_in_no_count(road: Road):
    for _ in range(5):
        stored = await road.step()
        assert stored
        assert (stored.messages, stored.records, stored.objects, stored.size) == (0, 0, 0, 0)
        assert stored.latency is None
    assert road.shown.report == CanaryReport(accepted=5, lost=0, duplicates=0, p95_s=2.0)
    assert {key.partition("/")[0] for key in await road.stepped.keys()} == {"canary"}


async def test_they_change_nothing_of_the_records_beside_them(road: Road):
    await road.stepped.send(an_envelope(a_record()))
    stored = await road.step()
    assert stored
    assert (stored.messages, stored.records, stored.objects) == (1, 1, 1)
    assert stored.latency
    assert stored.latency.end_to_end.size == 1


async def test_one_lost_record_shows_within_a_minute_and_a_half(road: Road):
    await road.step()
    await road.probing.send()
    (lost,) = await road.queue.receive(1, 0)
    await road.queue.delete([lost.handle])
    started_ms = road.clock.wall_ms()
    while not road.shown.report.lost:
        await road.step()
        assert road.clock.wall_ms() - started_ms < 90_000
    assert road.shown.report.lost == 1  # the alert rule needs no more than 15 s to be evaluated


async def test_what_waits_in_the_queue_is_not_lost(road: Road):
    await road.probing.send()
    road.clock.advance(600)
    await road.probing.look()
    assert road.shown.report.lost == 0
    road.queue.failing = {"oldest"}
    await road.probing.look()
    assert road.shown.report.lost == 0


async def test_a_queue_or_a_store_that_is_away_loses_nothing_and_stops_nothing(road: Road):
    road.queue.failing = {"send"}
    await road.probing.send()
    road.queue.failing = ()
    road.storage.refused = "canary/"
    await road.step()
    road.storage.refused = None
    await road.step()
    assert road.shown.report == CanaryReport(accepted=2, lost=0, duplicates=0, p95_s=2.0)


async def test_objects_are_removed_once_they_are_old(road: Road):
    await road.step()
    road.clock.advance(601)
    await road.probing.look()
    assert await road.stepped.keys() == []


async def test_a_proof_is_not_excused_by_a_canary_that_waits(road: Road):
    manifest = Manifest()
    for add in (manifest.add_sent, manifest.add_accepted):
        add([a_record()])
    await road.probing.send()
    prover = Prover(road.storage, road.queue, PartitionPolicy())
    proof = await prover.prove(manifest, NOW, NOW)
    assert (proof.pending, proof.lost) == (0, 1)
    await road.stepped.send(an_envelope(a_record()))
    assert (await prover.prove(manifest, NOW, NOW)).pending == 1


async def test_it_goes_on_until_it_is_stopped(road: Road):
    async with road.probing.going_on():
        while not road.shown.report.accepted and not (await road.queue.depth()).ready:
            await asyncio.sleep(0)
