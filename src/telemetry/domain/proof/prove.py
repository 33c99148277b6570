"""Use-case: hold what was sent against what is stored, counted from the stores alone."""

from collections.abc import Mapping

import msgspec
import numpy as np

from telemetry.domain.contract import spelling
from telemetry.domain.contract.partition import HOUR_MS, hour_path
from telemetry.domain.proof.manifest import Manifest, Sent, Stream
from telemetry.domain.store import objects
from telemetry.domain.store.latency import Percentiles
from telemetry.domain.store.storage import Storage


class Proof(msgspec.Struct, frozen=True):
    """The count of a run.

    `sent` and `accepted` count identities; `stored` lines, in `raw/` and in `skewed/`, of identities that were sent;
    `unique` the identities among these; `lost` the identities accepted and not stored. `latency` is from receipt over
    HTTP to the moment the object with the line appeared in the store; `end_to_end` from the vehicle's timestamp; both
    are None if nothing is stored.
    """

    sent: int
    accepted: int
    stored: int
    unique: int
    lost: int
    latency: Percentiles | None
    end_to_end: Percentiles | None

    @property
    def duplicates(self) -> int:
        return self.stored - self.unique

    def __str__(self) -> str:
        """Spell the proof on one line, always in this order."""
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


class Prove:
    """Count a store against a manifest."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def __call__(self, manifest: Manifest, since: int, until: int) -> Proof:
        """Count what was sent from `since` to `until` (epoch milliseconds by this machine's clock).

        Lines of others in the same store are left out. Raises OSError, and ValueError if an object is damaged.
        """
        streams = dict(manifest.streams())
        found = {stream: _Found() for stream in streams}
        received = range(since // HOUR_MS, until // HOUR_MS + 1)
        trees = [f"raw/{hour_path(hour)}/" for hour in manifest.hours()]
        trees += [f"skewed/{hour_path(hour)}/" for hour in received]
        for tree in trees:
            await self._find(tree, found)
        return _count(streams, found)

    async def _find(self, tree: str, found: Mapping[Stream, _Found]) -> None:
        for entry in await self._storage.list(tree):
            for line in objects.read_lines(entry.key, await self._storage.get(entry.key)):
                record = spelling.decode(line)
                if stream := found.get((record.vehicle_id, record.can_id)):
                    stream.timestamps.append(record.timestamp)
                    stream.received.append(record.received)
                    stream.stored.append(entry.stored)


def _count(streams: Mapping[Stream, Sent], found: Mapping[Stream, _Found]) -> Proof:
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
    )
