"""Use-case: copy all that is stored of a vehicle, line by line, with where each line was found."""

from collections.abc import AsyncIterator

import msgspec

from telemetry.domain.figures import hour as stored
from telemetry.domain.privacy.holdings import Holdings
from telemetry.domain.privacy.survey import Survey
from telemetry.domain.privacy.theirs import Vehicle
from telemetry.domain.transport.lease import Delivery


class Exported(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of an export: where it was found, and what was: a record, text that is none, or figures."""

    found_in: str
    record: msgspec.Raw = msgspec.Raw()
    text: str = ""
    figures: object = None


class Export:
    """Exports one vehicle."""

    def __init__(self, holdings: Holdings, vehicle: Vehicle) -> None:
        self._storage = holdings.storage
        self._survey = Survey(holdings, vehicle)
        self._vehicle = vehicle

    async def lines(self) -> AsyncIterator[Exported]:
        """Yield what the store has. Raise StoreUnavailableError, or DamagedObjectError."""
        async for found in self._survey.lines():
            for line in found.split.theirs:
                yield _exported(found.key, line)
        for hour in [each async for each in self._survey.compacted()]:
            async for found in self._survey.parts(hour):
                for line in found.split.theirs:
                    yield _exported(found.key, line)
        async for bodies in self._survey.bodies():
            for line in bodies.theirs:
                yield _exported(bodies.key, line)
        async for key in self._survey.figures():
            vehicles = stored.decode(await self._storage.get(key)).vehicles
            if self._vehicle.id in vehicles:
                yield Exported(key, figures=vehicles[self._vehicle.id])

    def of_letter(self, letter: Delivery) -> list[Exported]:
        """Return what a message has."""
        theirs = self._vehicle.split_body(letter.body, letter.sent_ms).theirs
        return [_exported(f"queue/{letter.handle}", line) for line in theirs]


def _exported(found_in: str, line: bytes) -> Exported:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Exported(found_in, text=line.decode(errors="backslashreplace"))
    return Exported(found_in, record=msgspec.Raw(line))
