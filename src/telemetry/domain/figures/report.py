"""Use-case: tell a reader how hours stand, in one line or in full, from their stored figures."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.certificate import Basis, Certificate, Counts, Held, Revision, Silence, State
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectNotFoundError

MOST_VEHICLES: Final = 500
"""Vehicles that a report names at the most of each kind; it counts them all."""


class Line(msgspec.Struct, frozen=True):
    """How an hour stands: its state, its revision, what its figures count, and what is missing."""

    hour: str
    state: State
    revision: int
    since: str
    reason: str
    records: int
    unique: int
    duplicates: int
    conflicting: int
    refused: int
    skewed: int
    damaged: int
    vehicles: int
    late: int
    expected: int
    missing: int
    missing_share: float
    gaps: int
    vehicles_with_gaps: int
    absent: int

    @property
    def is_measured(self) -> bool:
        """Whether it was measured what is missing, which is done once the hour is over."""
        return self.expected > 0 or not self.vehicles


class Report(msgspec.Struct, frozen=True):
    """All that is known of an hour: its line, how the queue was asked, its history, and vehicles with gaps.

    `with_gaps` and `absent` name the first vehicles, in the order of their ids; the line counts all of them.
    """

    line: Line
    input_digest: str
    closes: str
    basis: Basis
    held: Held
    changed: Counts
    history: Sequence[Revision]
    with_gaps: Mapping[str, Mapping[str, StreamCoverage]]
    absent: Mapping[str, Silence]


class _Vehicle(msgspec.Struct, frozen=True):
    streams: Mapping[str, StreamCoverage] = {}


class _Stored(msgspec.Struct, frozen=True):
    """Figures without the figures of signals."""

    hour: str
    records: int
    unique: int
    duplicates: int
    refused: int
    skewed: int
    vehicles: Mapping[str, _Vehicle]
    conflicting: int = 0
    damaged: int = 0
    certificate: Certificate | None = None


_decode: Final = msgspec.json.Decoder(_Stored).decode
_UNREADABLE: Final = (ObjectNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Reader(Protocol):
    """A store that is read."""

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raise ObjectNotFoundError or StoreUnavailableError."""
        ...


class Hours:
    """The hours of one store, for who reads them."""

    def __init__(self, storage: Reader) -> None:
        self._storage = storage

    async def lines(self, hours: Iterable[Hour]) -> AsyncIterator[Line]:
        """Yield the line of each hour that has certified figures. Raise StoreUnavailableError."""
        for hour in hours:
            if line := await self.line(hour):
                yield line

    async def line(self, hour: Hour) -> Line | None:
        """Return the line of an hour; None if it has no certified figures."""
        stored = await self._read(hour)
        return _line(stored, stored.certificate) if stored and stored.certificate else None

    async def report(self, hour: Hour) -> Report | None:
        """Return all that is known of an hour; None if it has no certified figures."""
        stored = await self._read(hour)
        return _report(stored, stored.certificate) if stored and stored.certificate else None

    async def _read(self, hour: Hour) -> _Stored | None:
        try:
            return _decode(await self._storage.get(objects.aggregated_key(hour)))
        except _UNREADABLE:
            return None


def _line(stored: _Stored, made: Certificate) -> Line:
    whole = made.wholeness
    return Line(
        hour=stored.hour,
        state=made.state,
        revision=made.revision,
        since=made.since,
        reason=made.reason,
        records=stored.records,
        unique=stored.unique,
        duplicates=stored.duplicates,
        conflicting=stored.conflicting,
        refused=stored.refused,
        skewed=stored.skewed,
        damaged=stored.damaged,
        vehicles=len(stored.vehicles),
        late=made.late,
        expected=whole.expected,
        missing=whole.missing,
        missing_share=whole.missing_share,
        gaps=whole.gaps,
        vehicles_with_gaps=whole.vehicles_with_gaps,
        absent=len(whole.absent),
    )


def _report(stored: _Stored, made: Certificate) -> Report:
    with_gaps = (
        (vehicle_id, gaps) for vehicle_id, each in stored.vehicles.items() if (gaps := _with_gaps(each))
    )
    return Report(
        line=_line(stored, made),
        input_digest=made.current.input_digest,
        closes=made.closes,
        basis=made.basis,
        held=made.held,
        changed=made.changed,
        history=made.history,
        with_gaps=dict(islice(with_gaps, MOST_VEHICLES)),
        absent=dict(islice(made.wholeness.absent.items(), MOST_VEHICLES)),
    )


def _with_gaps(vehicle: _Vehicle) -> Mapping[str, StreamCoverage]:
    return {can_id: stream for can_id, stream in vehicle.streams.items() if stream.gaps}
