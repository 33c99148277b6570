"""Use-case: put certificates on the figures of hours, and know which hours are not complete yet.

Whoever stores figures asks first what may still be on its way (`look`), then lists the objects, builds the
figures, and has them certified here. So a certificate never says more than was known before the listing.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from telemetry.domain.clock import Clock
from telemetry.domain.contract.moment import Hour, hour_path, start_ms
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.figures import certificate, revise, roster
from telemetry.domain.figures.certificate import Certificate, Counts, Standing
from telemetry.domain.figures.evidence import Evidence, Inquiry
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.roster import DAY, Roster
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectNotFoundError, Storage

_UNREADABLE: Final = (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ROSTERS: Final = 4  # that are remembered; each names all vehicles of a day


class CertificateTerms(msgspec.Struct, frozen=True):
    """How late a record may come without being late, and how far its clock is believed."""

    lateness_ms: int = 600_000
    policy: PartitionPolicy = PartitionPolicy()


class _Certified(msgspec.Struct, frozen=True):
    """Figures without all but their certificate."""

    certificate: Certificate | None = None


_NOBODY: Final = Standing("complete", ())
"""How an hour stands of which nothing is there, because nobody was known before it."""

_decode: Final = msgspec.json.Decoder(_Certified).decode


class Certifier:
    """Certifies figures by what one queue and one store hold."""

    def __init__(
        self, storage: Storage, clock: Clock, inquiry: Inquiry, terms: CertificateTerms | None = None
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._inquiry = inquiry
        self._terms = terms or CertificateTerms()
        self._evidence = Evidence(0)
        self._left: dict[Hour, Standing | None] = {}
        self._silent: frozenset[Hour] = frozenset()
        self._rosters: dict[Hour, Roster] = {}

    async def look(self) -> None:
        """Find out what may still be on its way; objects that are listed from now on tell the rest."""
        self._evidence = await self._inquiry.ask(self._clock.wall_ms())

    def due(self, unmarked: Iterable[Hour], silent: frozenset[Hour] = frozenset()) -> Sequence[Hour]:
        """Take note of hours that have figures and no marker; return those whose certificate would change.

        So are hours of which nothing is there, which may have to have one; they are remembered until then.
        """
        there = frozenset(unmarked)
        self._silent = (silent | (self._silent & self._left.keys())) - there
        for hour in there:
            if self._left.get(hour, _NOBODY) is _NOBODY:  # or its figures came without a marker
                self._left[hour] = None
        for hour in silent:
            self._left.setdefault(hour, None)
        return [
            hour
            for hour, standing in sorted(self._left.items())
            if standing is not _NOBODY
            and revise.is_another(
                standing, self._evidence.of_hour(*self._bounds(hour)), self._closes_ms(hour)
            )
        ]

    def is_over(self, hour: Hour) -> bool:
        """Return whether an hour was over when objects were listed last, so that its streams have an end."""
        return self._evidence.at_ms >= start_ms(Hour(hour + 1))

    async def begun(self, hour: Hour, aggregated: Aggregated) -> Aggregated:
        """Count the time before the first record of each vehicle that was known in the day before."""
        before = await self._before(hour)
        vehicles = roster.begun(aggregated.vehicles, before, hour)
        return msgspec.structs.replace(aggregated, vehicles=vehicles)

    async def certified(self, hour: Hour, aggregated: Aggregated, unread: int = 0) -> Aggregated:
        """Put a certificate on figures, of which `unread` objects could not be read."""
        previous = aggregated.certificate or await self._previous(hour)
        made = revise.certificate(
            _counts(aggregated),
            aggregated.input_digest,
            roster.wholeness(aggregated.vehicles, await self._before(hour)),
            previous,
            self._evidence.of_hour(*self._bounds(hour), objects=unread + aggregated.inputs_waiting),
            self._clock.wall_ms(),
            self._closes_ms(hour),
        )
        return msgspec.structs.replace(aggregated, certificate=made)

    def is_silent(self, hour: Hour) -> bool:
        """Return whether nothing was there of an hour when it was looked at last."""
        return hour in self._silent

    async def is_missed(self, hour: Hour) -> bool:
        """Return whether vehicles were known in the day before a silent hour, and are absent from it."""
        if await self._before(hour):
            return True
        self._left[hour] = _NOBODY
        return False

    def forget(self, hour: Hour) -> None:
        """Take note that nothing is there of an hour that is not near now any more."""
        self._left.pop(hour, None)

    def stored(self, hour: Hour, made: Certificate) -> None:
        """Take note of a stored certificate; the hours after it have to read anew who was there before."""
        self._silent -= {hour}
        for later in range(hour + 1, hour + DAY + 1):
            self._rosters.pop(Hour(later), None)
            if self._left.get(Hour(later)) is _NOBODY:
                self._left[Hour(later)] = None
        if made.state == "complete":
            self._left.pop(hour, None)
        else:
            self._left[hour] = made.standing

    def _closes_ms(self, hour: Hour) -> int:
        return certificate.closes_ms(hour, self._terms.lateness_ms)

    def _bounds(self, hour: Hour) -> tuple[Hour, int, PartitionPolicy]:
        return hour, self._closes_ms(hour), self._terms.policy

    async def _previous(self, hour: Hour) -> Certificate | None:
        with suppress(*_UNREADABLE):
            return _decode(await self._storage.get(objects.aggregated_key(hour))).certificate
        return None

    async def _before(self, hour: Hour) -> Roster:
        """Return who was known in the day before an hour, by the last figures of that day."""
        if hour not in self._rosters:
            while len(self._rosters) >= _ROSTERS:
                self._rosters.pop(next(iter(self._rosters)))
            self._rosters[hour] = await self._read_roster(hour)
        return self._rosters[hour]

    async def _read_roster(self, hour: Hour) -> Roster:
        """Read who was known. Mostly the hour before has figures; if not, listings say which others have."""
        found = await self._known(Hour(hour - 1), hour)
        for earlier in [] if found is not None else await self._earlier(hour):
            if (found := await self._known(earlier, hour)) is not None:
                break
        return found or {}

    async def _known(self, earlier: Hour, hour: Hour) -> Roster | None:
        """Return who was known before an hour by the figures of an earlier one, None if it has none."""
        with suppress(*_UNREADABLE):
            content = await self._storage.get(objects.aggregated_key(earlier))
            return roster.known(roster.decode(content), hour)
        return None

    async def _earlier(self, hour: Hour) -> Sequence[Hour]:
        """Return the hours but one of the day before that have a folder of figures, the last one first."""
        hours = {f"aggregated/{hour_path(each)}/": each for each in _day_before(hour)}
        days = dict.fromkeys(f"{folder.rstrip('/').rpartition('/')[0]}/" for folder in hours)
        there = {folder for day in days for folder in await self._storage.folders(day)}
        return [each for folder, each in hours.items() if folder in there]


def _day_before(hour: Hour) -> Sequence[Hour]:
    return [Hour(earlier) for earlier in range(hour - 2, hour - DAY - 1, -1)]


def _counts(aggregated: Aggregated) -> Counts:
    counted = {name: getattr(aggregated, name) for name in Counts.__struct_fields__ if name != "vehicles"}
    return Counts(**counted, vehicles=len(aggregated.vehicles))
