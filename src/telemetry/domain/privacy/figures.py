"""Figures without a vehicle: built from what is left, or, where inputs are gone, as they were without it."""

from collections.abc import Mapping

import msgspec

from telemetry.domain.contract.moment import Hour, hour_path
from telemetry.domain.figures import inputs, roster
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.archive import Archive
from telemetry.domain.figures.certificate import Certificate, Silence
from telemetry.domain.figures.find import Finder, Found
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.store import objects
from telemetry.domain.store.storage import Storage
from telemetry.domain.together import one_by_one


def without(aggregated: Aggregated, vehicle_id: str) -> Aggregated:
    """Return figures without a vehicle; its copies, of which figures do not tell, stay counted."""
    vehicles = {name: each for name, each in aggregated.vehicles.items() if name != vehicle_id}
    theirs = aggregated.vehicles.get(vehicle_id)
    count = theirs.count if theirs else 0
    left = msgspec.structs.replace(
        aggregated, vehicles=vehicles, records=aggregated.records - count, unique=aggregated.unique - count
    )
    if left.certificate is None:
        return left
    return msgspec.structs.replace(left, certificate=_certificate(left, left.certificate, vehicle_id))


def _certificate(left: Aggregated, made: Certificate, vehicle_id: str) -> Certificate:
    absent: Mapping[str, Silence] = {
        name: each for name, each in made.wholeness.absent.items() if name != vehicle_id
    }
    return msgspec.structs.replace(made, wholeness=roster.wholeness(left.vehicles, absent))


class FiguresWithout:
    """Replaces the figures of hours."""

    def __init__(self, storage: Storage, aggregator: Aggregator) -> None:
        self._storage = storage
        self._archive = Archive(storage)
        self._finder = Finder(storage, one_by_one)
        self._aggregator = aggregator

    async def build(self, hour: Hour) -> None:
        """Build an hour from what is there, or remove its figures if nothing is."""
        if await self._aggregator.build(hour, force=True) is None:
            for info in reversed(await self._storage.list(f"aggregated/{hour_path(hour)}/")):
                await self._storage.delete(info.key)

    async def is_whole(self, hour: Hour) -> bool:
        """Return whether an hour's figures can be built from what is there: none of their inputs is gone."""
        aggregated = await self._archive.figures(hour)
        return aggregated is None or not aggregated.inputs_missing

    async def strip(self, hour: Hour, vehicle_id: str) -> None:
        """Take a vehicle out of the figures of an hour."""
        found = (await self._finder.hours([hour]))[hour]
        aggregated = await self._archive.figures(hour)
        if not isinstance(found, Found) or aggregated is None:
            await self._storage.delete(objects.aggregated_key(hour))  # nobody can read it
            return
        previous = await self._archive.previous(found)
        left = without(aggregated, vehicle_id)
        if previous is None:
            await self._storage.put(objects.aggregated_key(hour), msgspec.json.encode(left), overwrite=True)
            return
        built_from = msgspec.structs.replace(
            previous.inputs, records=left.records, unique=left.unique, figures=inputs.digest(left)
        )
        await self._archive.put(found, left, built_from, previous.seen or previous.inputs.digest)
