"""Use-case: compare what was sent with what is stored, counted from the stores alone."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from telemetry.domain.contract.moment import Hour, hour_of, hour_path
from telemetry.domain.proof.manifest import Manifest, Stream, StreamTimestamps
from telemetry.domain.store import objects
from telemetry.domain.store.latency import Percentiles
from telemetry.domain.store.objects import DamagedObjectError, LineFaults
from telemetry.domain.store.storage import Storage


class Proof(msgspec.Struct, frozen=True):
    """The count of a run.

    `sent` and `accepted` count identities. `stored` counts lines, in `raw/` and in `skewed/`, of identities
    that were sent, and `unique` the identities among these. `lost` counts the identities accepted and not
    stored. `latency` is from receipt over HTTP to the moment at which the object with the line appeared in
    the store, `end_to_end` from the vehicle's timestamp; both are None if nothing is stored. `damage` names
    the objects that could not be read whole.
    """

    sent: int
    accepted: int
    stored: int
    unique: int
    lost: int
    latency: Percentiles | None
    end_to_end: Percentiles | None
    damage: Sequence[DamagedObjectError] = ()

    @property
    def duplicates(self) -> int:
        return self.stored - self.unique

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, and all that is stored could be read."""
        return not self.lost and not self.damage

    def __str__(self) -> str:
        """Write the proof on one line, always in this order."""
        counts = (
            f"sent={self.sent} accepted={self.accepted} stored={self.stored} unique={self.unique}"
            f" duplicates={self.duplicates} lost={self.lost}"
        )
        if self.latency is None:
            return f"proof: {counts} p50=- p95=- p99=-"
        return f"proof: {counts} p50={self.latency.p50:.2f}s p95={self.latency.p95:.2f}s p99={self.latency.p99:.2f}s"


class _Found(msgspec.Struct):
    """The lines of one stream that a store holds: times in epoch milliseconds, an entry a line."""

    timestamps: list[int] = []
    received: list[int] = []
    stored: list[int] = []


class Prover:
    """Counts a store against a manifest."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def prove(self, manifest: Manifest, since_ms: int, until_ms: int) -> Proof:
        """Count what was sent between two moments by this machine's clock.

        Lines of others in the same store are left out. What is damaged is named and left out, and the rest is
        counted. Raise StoreUnavailableError.
        """
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
        return _count(streams, found, damage)


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
    damage: Sequence[DamagedObjectError],
) -> Proof:
    stored = unique = lost = 0
    latency, end_to_end = [], []
    for stream, sent in streams.items():
        lines = found[stream]
        timestamps = np.array(lines.timestamps, np.int64)
        ours = np.isin(timestamps, sent.sent)
        stored += int(ours.sum())
        unique += np.unique(timestamps[ours]).size
        lost += int((~np.isin(sent.accepted, timestamps)).sum())
        appeared = np.array(lines.stored, np.int64)[ours]
        latency.append(appeared - np.array(lines.received, np.int64)[ours])
        end_to_end.append(appeared - timestamps[ours])
    return Proof(
        sent=sum(each.sent.size for each in streams.values()),
        accepted=sum(each.accepted.size for each in streams.values()),
        stored=stored,
        unique=unique,
        lost=lost,
        latency=Percentiles.of(np.concatenate(latency)) if stored else None,
        end_to_end=Percentiles.of(np.concatenate(end_to_end)) if stored else None,
        damage=damage,
    )
