"""The figures of hours and their inputs as the store has them: read together, replaced together."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Final

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures import certificate, inputs
from telemetry.domain.figures import hour as stored
from telemetry.domain.figures.certificate import Certificate
from telemetry.domain.figures.find import Beside, Found
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.inputs import Inputs, Name
from telemetry.domain.figures.memory import Memory
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectNotFoundError, Storage

_REMEMBERED: Final = 4
"""Hours whose figures were put last, so that what is beside them need not be read."""

UNSEEN: Final = "0"
"""In the place of a digest, and the digest of no listing."""

_MOMENT: Final = attrgetter("info.stored_ms")
_UNREADABLE: Final = (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Previous(msgspec.Struct, frozen=True):
    """What figures that are there were built from; `seen` is the digest that they were last compared with.

    `certificate` is theirs, if that is known without reading them.
    """

    inputs: Inputs
    seen: str | None = None
    certificate: Certificate | None = None


class Archive:
    """Figures with their inputs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._put: Memory[Previous] = Memory(_REMEMBERED)

    async def figures(self, hour: Hour) -> Aggregated | None:
        """Read the figures of an hour, if there are any that can be read."""
        try:
            return stored.decode(await self._storage.get(objects.aggregated_key(hour)))
        except _UNREADABLE:
            return None

    async def previous(self, found: Found) -> Previous | None:
        """Read what an hour's figures were built from; None if they are gone, or are not what was stored.

        The figures themselves are read only if they were touched after the object beside them was stored.
        """
        if found.figures is None:
            return None
        for each in found.inputs:
            if each.is_of(found.figures) and (known := self._put.get(each.info.key)):
                return known
        beside = await self._read(found.inputs)
        for each, read in beside:
            if each.is_of(found.figures):
                return Previous(read, each.name.seen)
        return await self._verified(found.hour, beside)

    async def lost(self, found: Found) -> Inputs | None:
        """Read what figures that are gone were built from, if that is known."""
        beside = await self._read(found.inputs)
        return beside[0][1] if beside else None

    async def put(self, found: Found, aggregated: Aggregated, built_from: Inputs, seen: str) -> None:
        """Replace the figures of an hour, then what is beside them.

        The marker is removed before that, and put at the end if the figures are complete. So who waits for it
        never sees figures and inputs that do not belong together.
        """
        await self._unmark(found)
        content = stored.encode(aggregated)
        await self._storage.put(objects.aggregated_key(found.hour), content, overwrite=True)
        key = Name(seen, len(content)).key(found.hour)
        await self._storage.put(key, inputs.encode(built_from), overwrite=True)
        self._put.put(key, Previous(built_from, seen, aggregated.certificate), 1)
        await self._delete(each for each in found.inputs if each.info.key != key)
        await self.mark(found.hour, aggregated)

    async def mark(self, hour: Hour, aggregated: Aggregated) -> None:
        """Mark the figures of an hour if they are complete."""
        made = aggregated.certificate
        if made and made.state == "complete":
            content = certificate.marker(hour, made)
            await self._storage.put(objects.complete_key(hour), content, overwrite=True)

    async def outdate(self, found: Found, previous: Previous) -> None:
        """Have an hour built anew, even if its objects become again what its figures were built from."""
        key = Name(UNSEEN, 0).key(found.hour)
        known = msgspec.structs.replace(previous.inputs, digest=UNSEEN)
        await self._storage.put(key, inputs.encode(known), overwrite=True)
        await self._delete(each for each in found.inputs if each.info.key != key)

    async def forget(self, found: Found) -> None:
        """Delete what is left beside figures that are gone, together with their objects."""
        await self._unmark(found)
        await self._delete(found.inputs)

    async def _unmark(self, found: Found) -> None:
        if found.marker:
            await self._storage.delete(found.marker.key)

    async def _delete(self, beside: Iterable[Beside]) -> None:
        for each in beside:
            await self._storage.delete(each.info.key)

    async def _verified(self, hour: Hour, beside: Sequence[tuple[Beside, Inputs]]) -> Previous | None:
        aggregated = await self.figures(hour)
        if aggregated is None:
            return None
        for each, read in beside:
            if read.figures == inputs.digest(aggregated):
                return Previous(read, each.name.seen)
        if any(read.digest == aggregated.input_digest for _, read in beside):
            return None  # others changed them
        return Previous(Inputs.unnamed(aggregated))

    async def _read(self, listed: Sequence[Beside]) -> Sequence[tuple[Beside, Inputs]]:
        """Read inputs, the newest first; what is none is left out."""
        beside = []
        for each in sorted(listed, key=_MOMENT, reverse=True):
            with suppress(*_UNREADABLE):
                beside.append((each, inputs.decode(await self._storage.get(each.info.key))))
        return beside
