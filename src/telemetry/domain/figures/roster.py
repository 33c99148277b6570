"""Who was there before: the vehicles that an hour's figures know, and those of the last day that are absent.

The figures of an hour name the vehicles that they have, and those of the last day that are absent. So the
figures of the hour before tell all who were known in a day, and no others have to be read.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp, start_ms
from telemetry.domain.figures import coverage
from telemetry.domain.figures.certificate import Silence, Wholeness
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.rollup import VehicleFigures

DAY: Final = 24
"""Hours for which a vehicle that sends nothing is remembered."""

Roster = Mapping[str, Silence]
"""Vehicles by id: when each was there last, and whether it was parked then."""


class _Stream(msgspec.Struct, frozen=True):
    last: str
    parked: bool | None


class SeenVehicle(msgspec.Struct, frozen=True):
    """A vehicle that was there, by its last record."""

    last: str
    streams: Mapping[str, _Stream] = {}

    @property
    def is_parked(self) -> bool:
        """Return whether it was parked at its last record; false if that is not known."""
        last = max(self.streams.values(), key=lambda stream: stream.last, default=None)
        return bool(last and last.parked)


class _Wholeness(msgspec.Struct, frozen=True):
    absent: Roster


class _Certificate(msgspec.Struct, frozen=True):
    wholeness: _Wholeness


class Seen(msgspec.Struct, frozen=True):
    """What figures say of who was there, without all else."""

    vehicles: Mapping[str, SeenVehicle]
    certificate: _Certificate | None = None

    @property
    def absent(self) -> Roster:
        """Return who was known in the day before and is not there."""
        return self.certificate.wholeness.absent if self.certificate else {}


decode: Final = msgspec.json.Decoder(Seen).decode
"""Read it from the figures of an hour."""


def known(seen: Seen, hour: Hour) -> Roster:
    """Return who was known in the day before an hour, by the figures of the last hour before it."""
    since = format_timestamp(start_ms(hour) - DAY * HOUR_MS)
    found = {vehicle_id: silence for vehicle_id, silence in seen.absent.items() if silence.last >= since}
    for vehicle_id, vehicle in seen.vehicles.items():
        if vehicle.last >= since:
            found[vehicle_id] = Silence(vehicle.last, vehicle.is_parked)
    return found


def begun(vehicles: Mapping[str, VehicleFigures], before: Roster, hour: Hour) -> Mapping[str, VehicleFigures]:
    """Count the time before the first record of each vehicle that was known before."""
    return {
        vehicle_id: _begun(vehicle, before[vehicle_id], hour) if vehicle_id in before else vehicle
        for vehicle_id, vehicle in vehicles.items()
    }


def wholeness(vehicles: Mapping[str, VehicleFigures], before: Roster) -> Wholeness:
    """Sum up the streams of an hour, and say who of those before is absent."""
    by_vehicle = [list(vehicle.streams.values()) for vehicle in vehicles.values()]
    streams = [stream for each in by_vehicle for stream in each]
    expected = sum(stream.expected for stream in streams)
    missing = expected - sum(stream.received for stream in streams)
    absent = {vehicle_id: silence for vehicle_id, silence in before.items() if vehicle_id not in vehicles}
    awake = sum(not silence.asleep for silence in absent.values())
    unseen = awake * expected / len(vehicles) if vehicles else awake
    return Wholeness(
        expected=expected,
        missing=missing,
        missing_share=(missing + unseen) / max(expected + unseen, 1),
        gaps=sum(stream.gaps for stream in streams),
        vehicles_with_gaps=sum(_has_gap(each) for each in by_vehicle),
        absent=absent,
    )


def _begun(vehicle: VehicleFigures, before: Silence, hour: Hour) -> VehicleFigures:
    streams = {
        can_id: coverage.begun(stream, hour, parked=before.asleep)
        for can_id, stream in vehicle.streams.items()
    }
    return msgspec.structs.replace(vehicle, streams=streams)


def _has_gap(streams: list[StreamCoverage]) -> bool:
    return any(stream.gaps for stream in streams)
