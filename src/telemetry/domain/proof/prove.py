"""Use-case: compare what was sent with what is stored and what waits, counted from stores and queue.

What was accepted and is not stored either waits in the queue or is lost:

- The queue is counted before the stores are listed, and a message leaves it only after its lines are stored.
  So if it held nothing, whatever is missing from the stores is lost.
- Messages that are ready or on lease cannot be looked into without keeping them from a consumer. While there
  is one, whatever is missing is *pending*: it may be in there.
- Dead letters can be looked into. A record that stands in one is pending, and `dead`. A record that stands in
  none is not excused by them. Those beyond the first 10,000, and those that cannot be decoded, count as not
  looked into.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour, hour_of, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.proof.manifest import Manifest, Stream, StreamTimestamps
from telemetry.domain.store import objects
from telemetry.domain.store.latency import Percentiles
from telemetry.domain.store.objects import DamagedObjectError, LineFaults
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport import envelope, outlook
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.queue import Queue

_MOST: Final = 10_000  # dead letters that are looked at


class Proof(msgspec.Struct, frozen=True):
    """The count of a run.

    `sent` and `accepted` count identities. `stored` counts lines, in `raw/` and in `skewed/`, of identities
    that were sent, and `unique` the identities among these. `pending` counts the identities that are
    accepted, not stored and may be in the queue, `dead` those of them that are in dead letters, and `lost`
    the identities that are accepted, not stored and not pending. `latency` is from receipt over HTTP to the
    moment at which the object with the line appeared in the store, `end_to_end` from the vehicle's timestamp;
    both are None if nothing is stored. `damage` names the objects that could not be read whole.
    """

    sent: int
    accepted: int
    stored: int
    unique: int
    pending: int
    lost: int
    latency: Percentiles | None
    end_to_end: Percentiles | None
    damage: Sequence[DamagedObjectError] = ()
    dead: int = 0

    @property
    def duplicates(self) -> int:
        return self.stored - self.unique

    @property
    def holds(self) -> bool:
        """Whether all that was accepted is stored, and all that is stored could be read."""
        return self.is_settled and not self.pending and not self.damage

    @property
    def is_settled(self) -> bool:
        """Whether nothing is lost, and no consumer would change that: it takes no dead letter."""
        return not self.lost and self.pending == self.dead

    def __str__(self) -> str:
        """Write the proof on one line, always in this order."""
        counts = (
            f"sent={self.sent} accepted={self.accepted} stored={self.stored} unique={self.unique}"
            f" duplicates={self.duplicates} pending={self.pending} lost={self.lost}"
        )
        if self.latency is None:
            return f"proof: {counts} p50=- p95=- p99=-"
        return f"proof: {counts} p50={self.latency.p50:.2f}s p95={self.latency.p95:.2f}s p99={self.latency.p99:.2f}s"


class _Found(msgspec.Struct):
    """The lines of one stream that a store holds: times in epoch milliseconds, an entry a line."""

    timestamps: list[int] = []
    received: list[int] = []
    stored: list[int] = []


class _Waiting(msgspec.Struct, frozen=True):
    """What a queue holds: messages that were not decoded, and the timestamps in dead letters by stream."""

    unseen: int
    dead: Mapping[Stream, Sequence[int]]


class Prover:
    """Counts a store and a queue against a manifest."""

    def __init__(self, storage: Storage, queue: Queue, policy: PartitionPolicy) -> None:
        self._storage = storage
        self._queue = queue
        self._policy = policy

    async def prove(self, manifest: Manifest, since_ms: int, until_ms: int) -> Proof:
        """Count what was sent between two moments by this machine's clock.

        Lines of others in the same store are left out. What is damaged is named and left out, and the rest is
        counted. Raise StoreUnavailableError or QueueUnavailableError.
        """
        waiting = (
            await self._look_into_queue()
        )  # before the stores, where all is by then that is in it no more
        streams = dict(manifest.streams())
        found = {stream: _Found() for stream in streams}
        damage: list[DamagedObjectError] = []
        received = map(Hour, range(hour_of(since_ms), hour_of(until_ms) + 1))
        trees = [f"raw/{hour_path(hour)}/" for hour in manifest.hours()]
        trees += [f"skewed/{hour_path(hour)}/" for hour in received]
        for tree in trees:
            for info in await self._storage.list(tree):
                try:
                    lines = objects.decode_object(info.key, await self._storage.get(info.key))
                except DamagedObjectError as error:
                    damage.append(error)
                else:
                    damage += _find(lines, info.stored_ms, found).damage(info.key)
        return _count(streams, found, waiting, damage)

    async def _look_into_queue(self) -> _Waiting:
        depth = await self._queue.depth()
        letters = await self._queue.dead(_MOST) if depth.dead else ()
        if letters:
            depth = await self._queue.depth()  # as letters may have been sent anew meanwhile
        dead: defaultdict[Stream, list[int]] = defaultdict(list)
        unseen = depth.ready + depth.leased
        if unseen and (known := outlook.others(await self._queue.outlook())) is not None:
            unseen = known  # without the records of canaries, of which there are always some
        unseen += max(0, depth.dead - len(letters))
        for letter in letters:
            try:
                lines = envelope.decode(letter.body, letter.sent_ms, self._policy).lines.splitlines()
            except UndecodableError:
                unseen += 1
            else:
                for _, record in objects.decode_records(lines, LineFaults()):
                    dead[record.vehicle_id, record.can_id].append(record.timestamp_ms)
        return _Waiting(unseen, dead)


def _find(lines: Sequence[bytes], stored_ms: int, found: Mapping[Stream, _Found]) -> LineFaults:
    """Add the lines of an object to the streams that are looked for; return what is wrong with the others."""
    faults = LineFaults()
    for _, record in objects.decode_records(lines, faults):
        if stream := found.get((record.vehicle_id, record.can_id)):
            stream.timestamps.append(record.timestamp_ms)
            stream.received.append(record.received_ms)
            stream.stored.append(stored_ms)
    return faults


def _count(
    streams: Mapping[Stream, StreamTimestamps],
    found: Mapping[Stream, _Found],
    waiting: _Waiting,
    damage: Sequence[DamagedObjectError],
) -> Proof:
    stored = unique = missing = dead = 0
    latency, end_to_end = [], []
    for stream, sent in streams.items():
        lines = found[stream]
        timestamps = np.array(lines.timestamps, np.int64)
        ours = np.isin(timestamps, sent.sent)
        stored += int(ours.sum())
        unique += np.unique(timestamps[ours]).size
        absent = sent.accepted[~np.isin(sent.accepted, timestamps)]
        missing += absent.size
        dead += int(np.isin(absent, np.array(waiting.dead.get(stream, ()), np.int64)).sum())
        appeared = np.array(lines.stored, np.int64)[ours]
        latency.append(appeared - np.array(lines.received, np.int64)[ours])
        end_to_end.append(appeared - timestamps[ours])
    pending = missing if waiting.unseen else dead
    return Proof(
        sent=sum(each.sent.size for each in streams.values()),
        accepted=sum(each.accepted.size for each in streams.values()),
        stored=stored,
        unique=unique,
        pending=pending,
        lost=missing - pending,
        latency=Percentiles.of(np.concatenate(latency)) if stored else None,
        end_to_end=Percentiles.of(np.concatenate(end_to_end)) if stored else None,
        damage=damage,
        dead=dead,
    )
