"""Use-case: keep the figures of hours in step with their objects.

The figures of an hour are a pure function of its objects, and name them: by their number and by a digest of
their listing. So an hour that late data changed is found by comparing listings, and rebuilding it twice
changes nothing.

Figures are never replaced by figures of less. If raw objects that they were built from are gone, or if the
objects hold fewer records than they did, the figures stay, and say how many inputs are missing. They are
built from what is left only if somebody asks for that (`force`).
"""

from collections.abc import Iterable, Sequence

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures import change
from telemetry.domain.figures.archive import UNSEEN, Archive, Previous
from telemetry.domain.figures.build import Builder
from telemetry.domain.figures.cache import NoCache
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.find import Finder, Found
from telemetry.domain.figures.fold import Fold
from telemetry.domain.figures.hour import Aggregated, Built, Kept
from telemetry.domain.figures.inputs import Inputs
from telemetry.domain.figures.skewed import SkewedFigures
from telemetry.domain.store import objects
from telemetry.domain.store.storage import Storage
from telemetry.domain.together import Together, one_by_one


class Aggregator:
    """Builds, keeps and stores the figures of hours."""

    def __init__(
        self,
        storage: Storage,
        together: Together = one_by_one,
        certifier: Certifier | None = None,
        builder: Builder | None = None,
    ) -> None:
        """Without a certifier, figures bear no certificate; without a builder, nothing is cached."""
        self._certifier = certifier
        self._archive = Archive(storage)
        self._builder = builder or Builder(Fold(storage, NoCache()))
        self._finder = Finder(storage, together)
        self._skewed = SkewedFigures(storage, self._archive, self._finder, together, self._builder)

    async def look(self) -> None:
        """Find out what may still be on its way, so that hours that are listed after it can be certified."""
        if self._certifier:
            await self._certifier.look()

    def certifiable(self, unmarked: Iterable[Hour], silent: frozenset[Hour] = frozenset()) -> Sequence[Hour]:
        """Take note of hours that are not marked as complete, or of which nothing is there.

        Return those that can be certified now.
        """
        return self._certifier.due(unmarked, silent) if self._certifier else []

    async def certify(self, hour: Hour) -> Built | None:
        """Bring an hour up to date, and its certificate too; return what was built or changed."""
        is_silent = self._certifier is not None and self._certifier.is_silent(hour)
        if self._certifier and is_silent and not await self._certifier.is_missed(hour):
            return None
        found = await self._find(hour)
        if built := await self.settle(found):
            return built
        if found.is_silent:
            return await self._certify_silent(found, is_near=is_silent)
        aggregated, previous = await self.figures(hour), await self._archive.previous(found)
        if not aggregated or not previous or previous.seen is None:
            return None
        if (
            self._is_over(hour)
            and not aggregated.is_measured
            and (built := await self._build(await self._whole(found, previous), previous))
        ):
            is_new = built.aggregated.certificate != aggregated.certificate
            return msgspec.structs.replace(built, is_new=is_new)
        certified = await self._certified(hour, aggregated)
        is_new = certified.certificate != aggregated.certificate
        if is_new:
            await self._put(found, certified, previous.inputs, previous.seen)
        else:
            if found.is_unmarked:
                await self._archive.mark(hour, certified)
            self._remember(hour, certified)
        return Built(hour, objects.aggregated_key(hour), certified, is_new=is_new)

    async def prepare(self, hour: Hour) -> None:
        """Fold an hour, so that it is built sooner. What cannot be done now fails when it is built."""
        found = (await self._finder.hours([hour]))[hour]
        if isinstance(found, Found) and found.listing.raw:
            await self._builder.prepare(hour, found.listing, is_over=self._is_over(hour))

    async def build(self, hour: Hour, *, force: bool = False) -> Built | None:
        """Build the figures of an hour, without what is damaged; None if it has no object.

        Figures that were built from more are kept, unless by `force`. Raise StoreUnavailableError.
        """
        found = await self._find(hour)
        if force:
            found = await self._whole(found, None)
            return await self._replace(found, None) if any(found.listing) else None
        previous = await self._archive.previous(found)
        return await self._build(await self._whole(found, previous), previous)

    async def refresh(self, hour: Hour) -> Built | None:
        """Bring the figures of an hour up to date; return what was built or kept, None if they were."""
        return await self.settle(await self._find(hour))

    async def settle(self, found: Found) -> Built | None:
        """Bring the figures of an hour up to date with what was found of it, as `refresh` does."""
        if found.is_current:
            return None
        previous = await self._archive.previous(found)
        found = await self._whole(found, previous)
        if previous and previous.inputs.digest == found.listing.digest and await self._confirm(found):
            return None
        return await self._build(found, previous)

    async def is_stale(self, hour: Hour) -> bool:
        """Return whether an hour's figures have yet to be compared with its objects as they are."""
        return not (await self._find(hour)).is_current

    async def figures(self, hour: Hour) -> Aggregated | None:
        """Read the figures of an hour back, if there are any that can be read."""
        return await self._archive.figures(hour)

    async def _find(self, hour: Hour) -> Found:
        found = (await self._finder.hours([hour]))[hour]
        if isinstance(found, TelemetryError):
            raise found
        return found

    async def _whole(self, found: Found, previous: Previous | None) -> Found:
        """List what was taken up and removed too, if anything is not there that was, or it is not known.

        Nor is it known of figures that lack an object which could not be read: it may have been taken up.
        """
        if (
            previous
            and previous.seen != UNSEEN
            and not change.compare(previous.inputs, found.listing).missing
        ):
            return found
        listing = await self._builder.whole(found.hour, found.listing)
        return msgspec.structs.replace(found, listing=listing)

    async def _confirm(self, found: Found) -> bool:
        """Note that figures were built from all that there is; return false if they are not whole."""
        aggregated = await self.figures(found.hour)
        if aggregated and self._is_over(found.hour) and not aggregated.is_measured:
            return False
        if aggregated:
            aggregated = msgspec.structs.replace(aggregated, inputs_missing=0, inputs_waiting=0)
            aggregated = await self._certified(found.hour, aggregated)
            inputs = Inputs.of(found.listing, aggregated)
            await self._put(found, aggregated, inputs, found.listing.seen)
        return aggregated is not None

    async def _build(self, found: Found, previous: Previous | None) -> Built | None:
        """Build figures, or keep those that there are if they were built from more."""
        is_named = previous and previous.inputs.raw is not None
        if previous and is_named and change.compare(previous.inputs, found.listing).missing:
            if kept := await self._keep(found, previous):
                return kept
            previous = None  # as the figures cannot be read any more
        if previous or any(found.listing):
            return await self._replace(found, previous, None if previous else await self._archive.lost(found))
        await self._archive.forget(found)
        return None

    async def _put(self, found: Found, aggregated: Aggregated, inputs: Inputs, seen: str) -> None:
        await self._archive.put(found, aggregated, inputs, seen)
        self._remember(found.hour, aggregated)

    async def _certify_silent(self, found: Found, *, is_near: bool) -> Built | None:
        """Certify a silent hour, or build it if its records were taken up; forget one that was removed."""
        if is_near:
            return await self._replace(await self._whole(found, None), None)
        if self._certifier:
            self._certifier.forget(found.hour)
        return None

    def _remember(self, hour: Hour, aggregated: Aggregated) -> None:
        if self._certifier and aggregated.certificate:
            self._certifier.stored(hour, aggregated.certificate)

    def _is_over(self, hour: Hour) -> bool:
        return self._certifier is None or self._certifier.is_over(hour)

    async def _certified(self, hour: Hour, aggregated: Aggregated, unread: int = 0) -> Aggregated:
        return await self._certifier.certified(hour, aggregated, unread) if self._certifier else aggregated

    async def _replace(self, found: Found, previous: Previous | None, lost: Inputs | None = None) -> Built:
        """Build figures from all that there is; keep those before if they have more records."""
        is_over = self._is_over(found.hour)
        built = await self._builder.build(found.hour, found.listing, is_over=is_over)
        built = await self._skewed.counted(found, built)
        is_less = previous and change.is_less(built.aggregated, previous.inputs)
        if previous and is_less and (kept := await self._keep(found, previous, built)):
            return kept
        read = found.listing.without(built.unread)
        missing = change.compare(lost, read).missing if lost else 0
        known = previous.certificate if previous else None
        aggregated = msgspec.structs.replace(built.aggregated, inputs_missing=missing, certificate=known)
        if self._certifier:
            aggregated = await self._certifier.begun(found.hour, aggregated)
        aggregated = await self._certified(found.hour, aggregated, len(built.unread))
        inputs = Inputs.of(read, aggregated)
        await self._skewed.count_again(found, aggregated)
        await self._put(found, aggregated, inputs, _seen(found, built))
        is_new = previous is None or previous.inputs != inputs
        return msgspec.structs.replace(built, aggregated=aggregated, is_new=is_new)

    async def _keep(self, found: Found, previous: Previous, built: Built | None = None) -> Built | None:
        """Keep figures, which then say how many of their inputs are missing; None if they cannot be read."""
        aggregated = await self.figures(found.hour)
        if aggregated is None:
            return None
        damage = built.damage if built else ()
        whole = found.listing.without({error.key for error in damage})
        now = change.compare(previous.inputs, whole)
        marked = msgspec.structs.replace(
            aggregated, inputs_missing=max(1, now.missing), inputs_waiting=now.came
        )
        marked = await self._certified(found.hour, marked, len(built.unread) if built else 0)
        seen = _seen(found, built)
        is_new = marked != aggregated or previous.seen != seen
        if is_new or len(found.inputs) != 1:
            await self._put(found, marked, previous.inputs, seen)
        kept = Kept(
            objects_before=previous.inputs.objects,
            objects_now=whole.objects,
            records_before=previous.inputs.records,
            records_now=built.aggregated.records if built else None,
            missing=now.first,
        )
        return Built(found.hour, objects.aggregated_key(found.hour), marked, damage, kept, is_new)


def _seen(found: Found, built: Built | None) -> str:
    """Name what figures were compared with: of an hour with objects that could not be read, nothing.

    Such an object may be gone at the next look, taken up into another, and then it has to be built anew.
    """
    return UNSEEN if built and built.unread else found.listing.seen
