"""What a run sent, counted in the stores and in the queue."""

from collections.abc import Sequence

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Proof, Prover
from telemetry.domain.store.latency import Percentiles
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import NOW, POLICY, a_record, an_envelope, put_batch, put_foreign, some_records

TERMS = LeaseTerms(visibility_ms=1000, max_receives=1)


class Run:
    """A store, a manifest, and the proof of one against the other."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.storage = MemoryStorage(self.clock)
        self.queue = MemoryQueue(self.clock, TERMS)
        self.manifest = Manifest()

    async def prove(self, since: int = NOW, until: int = NOW) -> Proof:
        return await Prover(self.storage, self.queue, POLICY).prove(self.manifest, since, until)

    def accept(self, records: Sequence[Record]) -> None:
        """Enter records that were sent and accepted."""
        self.manifest.add_sent(records)
        self.manifest.add_accepted(records)

    async def kill(self, *bodies: bytes) -> None:
        """Put bodies into the queue that become dead letters."""
        await self.queue.send(bodies)
        await self.queue.receive(len(bodies), 0)
        self.clock.advance(TERMS.visibility_ms / 1000)
        await self.queue.receive(len(bodies), 0)


@pytest.fixture
def run() -> Run:
    return Run()


def counts(proof: Proof) -> dict[str, int]:
    names = ("sent", "accepted", "stored", "unique", "duplicates", "pending", "lost")
    return {name: getattr(proof, name) for name in names}


async def test_a_proof_of_nothing_is_empty(run):
    proof = await run.prove()
    assert set(counts(proof).values()) == {0}
    assert (proof.latency, proof.end_to_end) == (None, None)
    assert (
        str(proof)
        == "proof: sent=0 accepted=0 stored=0 unique=0 duplicates=0 pending=0 lost=0 p50=- p95=- p99=-"
    )


async def test_what_arrived_is_counted_from_the_store(run):
    sent = some_records(10)
    run.manifest.add_sent(sent)
    run.manifest.add_accepted(sent)
    await put_batch(run.storage, *sent[:4])
    await put_batch(run.storage, *sent[4:], suffix="jsonl.zst")
    assert counts(await run.prove()) == {
        "sent": 10,
        "accepted": 10,
        "stored": 10,
        "unique": 10,
        "duplicates": 0,
        "pending": 0,
        "lost": 0,
    }


async def test_what_was_accepted_and_is_not_stored_is_lost(run):
    sent = some_records(10)
    run.manifest.add_sent(sent)
    run.manifest.add_accepted(sent[:8])
    await put_batch(run.storage, *sent[:5])
    assert counts(await run.prove()) == {
        "sent": 10,
        "accepted": 8,
        "stored": 5,
        "unique": 5,
        "duplicates": 0,
        "pending": 0,
        "lost": 3,
    }


async def test_where_nothing_is_stored_everything_accepted_is_lost(run):
    run.manifest.add_sent(some_records(3))
    run.manifest.add_accepted(some_records(3))
    proof = await run.prove()
    assert (proof.lost, proof.latency) == (3, None)


async def test_what_was_stored_though_nobody_answered_for_it_is_stored_and_not_lost(run):
    run.manifest.add_sent(some_records(3))
    await put_batch(run.storage, *some_records(3))
    assert counts(await run.prove()) == {
        "sent": 3,
        "accepted": 0,
        "stored": 3,
        "unique": 3,
        "duplicates": 0,
        "pending": 0,
        "lost": 0,
    }


async def test_duplicates_are_lines_beyond_the_first_of_an_identity(run):
    sent = some_records(3)
    run.manifest.add_sent(sent)
    run.manifest.add_sent(sent[:1])  # sent again as its answer had been lost
    run.manifest.add_accepted(sent)
    await put_batch(run.storage, *sent)
    await put_batch(run.storage, *sent[:2], now=NOW + 1)
    assert counts(await run.prove()) == {
        "sent": 3,
        "accepted": 3,
        "stored": 5,
        "unique": 3,
        "duplicates": 2,
        "pending": 0,
        "lost": 0,
    }


async def test_skewed_records_are_found_in_their_tree(run):
    ancient, future = a_record(timestamp_ms=0), a_record(timestamp_ms=NOW + 10 * HOUR_MS)
    run.manifest.add_sent([ancient, future])
    run.manifest.add_accepted([ancient, future])
    await put_batch(run.storage, ancient)
    await put_batch(run.storage, future)
    proof = await run.prove()
    assert (proof.stored, proof.unique, proof.lost) == (2, 2, 0)


async def test_skewed_records_are_found_in_every_hour_of_the_run(run):
    sent = [a_record(timestamp_ms=number, received_ms=NOW + number * HOUR_MS) for number in range(3)]
    run.manifest.add_sent(sent)
    run.manifest.add_accepted(sent)
    for record in sent:
        await put_batch(run.storage, record)
    assert (await run.prove(NOW, NOW + 2 * HOUR_MS)).lost == 0
    assert (await run.prove(NOW, NOW + HOUR_MS)).lost == 1


async def test_records_of_all_buckets_are_found(run):
    sent = [a_record(vehicle_id=f"v{number}") for number in range(20)]
    run.manifest.add_sent(sent)
    run.manifest.add_accepted(sent)
    for record in sent:
        await put_batch(run.storage, record, policy=PartitionPolicy(buckets=4))
    assert (await run.prove()).lost == 0


async def test_records_of_others_in_the_same_store_are_left_out(run):
    sent = some_records(2)
    run.manifest.add_sent(sent)
    run.manifest.add_accepted(sent)
    others = [
        a_record(vehicle_id="other"),
        a_record(can_id="0x2"),
        a_record(timestamp_ms=NOW + 1),  # our vehicle, but not of this run
    ]
    await put_batch(run.storage, *sent, *others)
    await put_batch(run.storage, *(a_record(timestamp_ms=NOW + 2 * HOUR_MS, received_ms=NOW + 2 * HOUR_MS),))
    proof = await run.prove()
    assert (proof.stored, proof.unique, proof.lost) == (2, 2, 0)
    assert proof.latency
    assert proof.latency.size == 2


async def test_the_same_moment_of_another_vehicle_is_no_proof(run):
    run.manifest.add_sent([a_record()])
    run.manifest.add_accepted([a_record()])
    await put_batch(run.storage, a_record(vehicle_id="other"))
    assert (await run.prove()).lost == 1


async def test_latencies_are_from_receipt_and_from_the_vehicle_to_the_store(run):
    sent = [
        a_record(timestamp_ms=NOW - 500, received_ms=NOW - 300),
        a_record(timestamp_ms=NOW - 400, received_ms=NOW - 100),
    ]
    run.manifest.add_sent(sent)
    await put_batch(run.storage, sent[0])
    run.clock.advance(1)
    await put_batch(run.storage, sent[1])
    proof = await run.prove()
    assert proof.latency
    assert (proof.latency.min, proof.latency.max) == (0.3, 1.1)
    assert proof.end_to_end
    assert (proof.end_to_end.min, proof.end_to_end.max) == (0.5, 1.4)


async def test_what_is_damaged_fails_the_proof_and_the_rest_is_counted(run):
    sent = [a_record(), a_record(timestamp_ms=NOW + 1)]
    run.manifest.add_sent(sent)
    run.manifest.add_accepted(sent[:1])
    whole = await put_foreign(run.storage, sent[0], more=b"torn\n")
    damaged = await put_batch(run.storage, sent[1], suffix="jsonl.zst")
    await run.storage.put(damaged, b"damaged", overwrite=True)
    proof = await run.prove()
    assert (proof.stored, proof.lost, proof.holds) == (1, 0, False)
    assert {error.key for error in proof.damage} == {whole, damaged}


def test_the_proof_is_one_line_in_one_order():
    latency = Percentiles(p50=0.41, p95=0.8, p99=0.949, min=0.1, max=1.0, size=9)
    proof = Proof(
        sent=12, accepted=11, stored=10, unique=9, pending=3, lost=2, latency=latency, end_to_end=latency
    )
    assert str(proof) == (
        "proof: sent=12 accepted=11 stored=10 unique=9 duplicates=1 pending=3 lost=2 p50=0.41s p95=0.80s p99=0.95s"
    )


@pytest.mark.parametrize("is_leased", [False, True])
async def test_while_a_message_is_in_the_queue_what_is_missing_is_pending_and_not_lost(run, is_leased):
    sent = some_records(10)
    run.accept(sent)
    await put_batch(run.storage, *sent[:4])
    await run.queue.send([an_envelope(*sent[4:])])
    if is_leased:
        await run.queue.receive(1, 0)
    proof = await run.prove()
    assert (proof.stored, proof.pending, proof.dead, proof.lost) == (4, 6, 0, 0)
    assert (proof.holds, proof.is_settled) == (False, False)


async def test_what_is_stored_is_not_pending_though_its_message_is_in_the_queue(run):
    sent = some_records(3)
    run.accept(sent)
    await put_batch(run.storage, *sent)
    await run.queue.send([an_envelope(*sent)])  # its consumer died between writing and deleting
    proof = await run.prove()
    assert (proof.stored, proof.pending, proof.lost, proof.holds) == (3, 0, 0, True)


async def test_what_was_not_accepted_is_neither_pending_nor_lost(run):
    run.manifest.add_sent(some_records(3))
    await run.queue.send([an_envelope(a_record())])
    assert counts(await run.prove())["pending"] == 0


async def test_what_is_in_a_dead_letter_is_pending_and_what_is_in_none_is_lost(run):
    sent = some_records(5)
    run.accept(sent)
    await run.kill(an_envelope(*sent[:3]), an_envelope(a_record(vehicle_id="other")))
    proof = await run.prove()
    assert (proof.pending, proof.dead, proof.lost) == (3, 3, 2)
    assert not proof.is_settled


async def test_waiting_changes_nothing_where_all_that_is_pending_is_in_dead_letters(run):
    sent = some_records(2)
    run.accept(sent)
    await run.kill(an_envelope(*sent))
    proof = await run.prove()
    assert (proof.pending, proof.dead, proof.lost) == (2, 2, 0)
    assert (proof.is_settled, proof.holds) == (True, False)


async def test_a_dead_letter_that_cannot_be_decoded_may_hold_what_is_missing(run):
    run.accept(some_records(2))
    await run.kill(b"damaged")
    proof = await run.prove()
    assert (proof.pending, proof.dead, proof.lost) == (2, 0, 0)


async def test_what_leaves_the_queue_while_the_stores_are_listed_is_never_lost(run, monkeypatch):
    sent = some_records(2)
    run.accept(sent)
    await run.queue.send([an_envelope(*sent)])
    listing = run.storage.list

    async def consumed_meanwhile(prefix: str) -> object:
        found = await listing(prefix)
        for delivery in await run.queue.receive(1, 0):
            await put_batch(run.storage, *sent)
            await run.queue.delete([delivery.handle])
        return found

    monkeypatch.setattr(run.storage, "list", consumed_meanwhile)
    first = await run.prove()
    assert (first.stored, first.pending, first.lost) == (0, 2, 0)
    assert (await run.prove()).holds
