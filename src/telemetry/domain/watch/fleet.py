"""The fleet by the figures of the last two hours: who was seen, who is silent, and which packs stand out.

A vehicle is silent if its last record is more than `SILENT_MS` older than the newest one of all. The clock on
the wall is no measure, because an aggregator that is behind would make every vehicle silent.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest, nsmallest
from operator import attrgetter
from typing import Final

import msgspec

from telemetry.domain.contract.moment import format_timestamp, parse_timestamp
from telemetry.domain.figures.roster import Seen, SeenVehicle

SILENT_MS: Final = 5 * 60_000
"""How much older than the newest record of all the last record of a silent vehicle is."""

BINS: Final = 10
"""Into how many equal parts the state of charge is divided, from 0 to 100 %."""

_NAMED: Final = 6  # vehicles of each kind
_TO_THE_HOUR: Final = len("2025-10-19T14")


class _Signal(msgspec.Struct, frozen=True):
    min: float
    max: float
    avg: float


class _Signals(msgspec.Struct, frozen=True):
    battery_soc: _Signal | None = None
    cell_voltage_min: _Signal | None = None
    cell_temp_max: _Signal | None = None


class _Vehicle(SeenVehicle, frozen=True, kw_only=True):
    signals: _Signals


class _Figures(Seen, frozen=True):
    vehicles: Mapping[str, _Vehicle]


class Silent(msgspec.Struct, frozen=True):
    """A vehicle that sends nothing any more: its last record, and whether it was parked then."""

    vehicle_id: str
    last: str
    asleep: bool


class Pack(msgspec.Struct, frozen=True):
    """A pack that stands out: its value, and the hour in which it had it."""

    vehicle_id: str
    value: float
    hour: str


class Fleet(msgspec.Struct, frozen=True):
    """The vehicles of the last day.

    `as_of` is the newest record of all. `seen` are those with a record within `SILENT_MS` before it, and
    `silent` all others; of these, `asleep` were parked. `soc` counts vehicles by their average state of
    charge in the last hour that they sent in. `weakest` have the lowest cell voltages, and `hottest` the
    highest cell temperatures. `longest_silent` were awake when they fell silent.
    """

    as_of: str = ""
    known: int = 0
    seen: int = 0
    silent: int = 0
    asleep: int = 0
    soc: Sequence[int] = ()
    weakest: Sequence[Pack] = ()
    hottest: Sequence[Pack] = ()
    longest_silent: Sequence[Silent] = ()


class _Known(msgspec.Struct, frozen=True):
    vehicle_id: str
    last: str
    asleep: bool
    signals: _Signals = _Signals()


_decode: Final = msgspec.json.Decoder(_Figures).decode


def of(figures: Iterable[bytes]) -> Fleet:
    """Sum up the fleet from the stored figures of some hours, the earliest first.

    Raise msgspec.DecodeError if they are none.
    """
    known: dict[str, _Known] = {}
    for content in figures:
        known |= _known(_decode(content), known)
    if not known:
        return Fleet()
    as_of = max(each.last for each in known.values())
    since = format_timestamp(parse_timestamp(as_of) - SILENT_MS)
    silent = [Silent(each.vehicle_id, each.last, each.asleep) for each in known.values() if each.last < since]
    awake = [each for each in silent if not each.asleep]
    return Fleet(
        as_of=as_of,
        known=len(known),
        seen=len(known) - len(silent),
        silent=len(silent),
        asleep=len(silent) - len(awake),
        soc=_histogram(each.signals.battery_soc for each in known.values()),
        weakest=nsmallest(_NAMED, _packs(known.values(), "cell_voltage_min", "min"), _BY_VALUE),
        hottest=nlargest(_NAMED, _packs(known.values(), "cell_temp_max", "max"), _BY_VALUE),
        longest_silent=nsmallest(_NAMED, awake, key=attrgetter("last", "vehicle_id")),
    )


_BY_VALUE: Final = attrgetter("value", "vehicle_id")


def _known(figures: _Figures, before: Mapping[str, _Known]) -> Mapping[str, _Known]:
    """Return who an hour's figures know; of those who are absent in it, who is not known from before."""
    found = {
        vehicle_id: _Known(vehicle_id, silence.last, silence.asleep)
        for vehicle_id, silence in figures.absent.items()
        if vehicle_id not in before
    }
    for vehicle_id, vehicle in figures.vehicles.items():
        found[vehicle_id] = _Known(vehicle_id, vehicle.last, vehicle.is_parked, vehicle.signals)
    return found


def _histogram(socs: Iterable[_Signal | None]) -> Sequence[int]:
    counts = [0] * BINS
    for soc in socs:
        if soc:
            counts[min(int(soc.avg * BINS / 100), BINS - 1)] += 1
    return counts


def _packs(known: Iterable[_Known], name: str, part: str) -> Iterable[Pack]:
    for each in known:
        if signal := getattr(each.signals, name):
            yield Pack(each.vehicle_id, getattr(signal, part), each.last[:_TO_THE_HOUR])
