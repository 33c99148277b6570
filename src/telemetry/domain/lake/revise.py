"""Use-case: make the next manifest of an hour, of raw objects and of the manifest before.

1. Read these raw objects and the objects of that manifest, and write all records anew, sorted, each identity
   once.
2. Read the new objects back from the store, and compare them with what was read.
3. Put the next manifest, if nobody else has. This alone makes the new objects visible.

It can be pickled, and needs nothing but the store, so that it runs in any process.
"""

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour, format_timestamp, start_ms
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures import copies
from telemetry.domain.figures.partial import MAX_NAMES
from telemetry.domain.lake import fingerprint, manifest, verify
from telemetry.domain.lake.fingerprint import Sum
from telemetry.domain.lake.follow import Reading, current
from telemetry.domain.lake.intake import Intake
from telemetry.domain.lake.manifest import Manifest
from telemetry.domain.lake.outlet import Outlet
from telemetry.domain.lake.shelf import Shelf
from telemetry.domain.lake.spill import Spill
from telemetry.domain.lake.summing import Summing
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectExistsError
from telemetry.domain.together import Together


class CompactTerms(msgspec.Struct, frozen=True):
    """How large an object becomes, in bytes; how many records are held at once; and the grace, see `tidy`.

    `names` is how many signals of a stream have figures.
    """

    target: int = 128_000_000
    records: int = 750_000
    grace_ms: int = 3_600_000
    names: int = MAX_NAMES


class SlowError(OutOfReachError):
    """A compaction took so long that others may take its objects for left behind."""


class Compacted(msgspec.Struct, frozen=True):
    """What was made of an hour: its manifest, how many raw objects were taken up, and what was left there.

    `read` and `written` are in bytes. `is_lost` says that somebody else was faster: nothing was made.
    """

    hour: Hour
    manifest: Manifest | None
    taken: int
    read: int
    written: int
    left: list[DamagedObjectError]
    is_lost: bool = False


class Reviser:
    """Makes manifests."""

    def __init__(self, shelf: Shelf, clock: Clock, together: Together, terms: CompactTerms) -> None:
        self._shelf = shelf
        self._storage = shelf.storage
        self._clock = clock
        self._together = together
        self._terms = terms

    async def __call__(self, hour: Hour, reading: Reading) -> Compacted:
        """Take up what is to be read of an hour.

        Nothing is made if nothing of it can be read. Raise NotTheSameError, DamagedObjectError or SlowError.
        """
        began_ms = self._clock.wall_ms()
        spill = Spill(self._shelf.forms.chosen, hour, self._terms.records)
        intake = Intake(self._shelf, self._together, hour, spill)
        await intake.take(reading.raw, reading.manifest.contents if reading.manifest else ())
        if not intake.inputs or not intake.payloads.count:
            return Compacted(hour, None, 0, 0, 0, intake.left)
        made = await self._written(hour, reading, intake, spill, began_ms)
        is_lost = not await self._published(hour, made, began_ms)
        return Compacted(
            hour=hour,
            manifest=None if is_lost else made,
            taken=len(intake.inputs),
            read=sum(each.size for each in intake.inputs.values()),
            written=sum(each.size for each in made.beside),
            left=intake.left,
            is_lost=is_lost,
        )

    async def _written(
        self, hour: Hour, reading: Reading, intake: Intake, spill: Spill, began_ms: int
    ) -> Manifest:
        """Write the objects of the next manifest; return it."""
        before = reading.manifest
        revision = before.revision + 1 if before else 1
        form, target = self._shelf.forms.chosen, self._terms.target
        records = Outlet(self._storage, hour, revision, "records", began_ms, form, target)
        others = Outlet(self._storage, hour, revision, "_copies", began_ms, form, target)
        identities, summing = Sum(), Summing(hour, self._terms.names)
        for columns in spill.parts():
            identities += fingerprint.of_identities(columns)
            summing.add(columns)
            counting, rest = copies.split(columns)
            await records.add(counting)
            await others.add(rest)
        await records.close()
        await others.close()
        state = summing.state([*records.contents, *others.contents], [*records.extents, *others.extents])
        first, last = (format_timestamp(start_ms(hour) + each) for each in intake.bounds)
        return Manifest(
            revision=revision,
            starts=format_timestamp(start_ms(hour)),
            made=format_timestamp(self._clock.wall_ms()),
            inputs={**(before.inputs if before else {}), **intake.inputs},
            objects=records.contents,
            copies=others.contents,
            records=intake.payloads.count,
            unique=identities.count,
            first=first,
            last=last,
            identities=str(identities),
            payloads=str(intake.payloads),
            sums=await summing.put(self._storage, revision, began_ms, state),
        )

    async def _published(self, hour: Hour, made: Manifest, began_ms: int) -> bool:
        """Compare what was written with what was read, and put the manifest; return false if one is there."""
        await verify.check(self._shelf, hour, made)
        await verify.check_sums(self._storage, made)
        if self._clock.wall_ms() - began_ms > self._terms.grace_ms // 2:
            raise SlowError(f"{made.starts}: compacting took longer than half of COMPACT_GRACE")
        try:
            await self._storage.put(manifest.manifest_key(hour, made.revision), manifest.encode(made))
        except ObjectExistsError:
            await self._withdraw(hour, made)
            return False
        return True

    async def _withdraw(self, hour: Hour, made: Manifest) -> None:
        """Remove objects that were written in vain, but for those that the manifest that counts names."""
        found, _ = await current(self._storage, hour)
        named = {each.key for each in found.beside} if found else set()
        for each in made.beside:
            if each.key not in named:
                await self._storage.delete(each.key)
