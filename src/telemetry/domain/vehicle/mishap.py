"""Mishaps between a vehicle and a receiver, made on purpose and from a seed.

There are five kinds, each with its own share and its own draws. They are applied in this order:

- The clock of a vehicle is wrong, by up to two minutes or by more than can be believed, and stays wrong.
- A record is sent again some samples later, as by a client that did not see its answer.
- A record is sent some samples late, after records that were measured later.
- A vehicle is out of coverage. What it would send is held, and is sent in a burst once the vehicle is back.
- A record is damaged as it is sent, in one of the ways that a receiver has to refuse.

Time is counted in samples, one for each call. Except by damage nothing is lost, if the rest is sent as well.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final

import msgspec
import numpy as np

from telemetry.domain.contract.record import Record

_NEAR_MS: Final = 120_000  # a clock that is wrong by at most this is still believed, with a margin
_DAY_MS: Final = 24 * 3_600_000
# Offsets that cannot be believed: a month behind, a day ahead, and at 1970 after a flat battery.
_FAR_MS: Final[Sequence[Callable[[int], int]]] = (
    lambda _: -30 * _DAY_MS,
    lambda _: _DAY_MS,
    lambda now_ms: -now_ms,
)
_HALF: Final = 0.5
_STREAM: Final = 4  # before the seed, and used by nothing else, so that no other stream has the same draws
_LATEST_COPY: Final = 25  # samples, which is five seconds, after which a client tries again
_LATEST: Final = 10  # samples
_RETURNS: Final = 0.02  # chance that a sample is the first in coverage again; a gap has 50 samples on average

# One of each kind of fault that the contract knows: no signal, no number, a bad name, an impossible value or
# pair.
_DAMAGES: Final[Sequence[dict[str, float]]] = (
    {},
    {"battery_soc": float("nan")},
    {"Battery SoC": 50.0},
    {"battery_soc": 655.35},
    {"cell_voltage_min": 4.0, "cell_voltage_max": 3.0},
)


Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Shares(msgspec.Struct, frozen=True):
    """How much goes wrong, each from 0 (the default) to 1."""

    offline: Share = 0.0
    """Share of the time that each vehicle is out of coverage."""
    clock_skew: Share = 0.0
    """Share of the vehicles whose clock is wrong."""
    duplicates: Share = 0.0
    """Share of the records that are sent twice."""
    reorder: Share = 0.0
    """Share of the records that are sent late."""
    corrupt: Share = 0.0
    """Share of what is sent that is damaged."""


class Mishaps:
    """The mishaps of one fleet; a seed fixes all of them. `damaged` counts the damaged records so far."""

    def __init__(self, shares: Shares, seed: int) -> None:
        self._shares = shares
        # Each kind has its own stream, so that the share of one does not change the others. The fleet is
        # drawn from the same seed, and shares no stream with them.
        streams = np.random.default_rng((_STREAM, seed)).spawn(5)
        self._coverage, self._clocks, self._copies, self._lateness, self._damages = streams
        self._offsets_ms: dict[str, int] = {}
        self._sample = 0
        self._due: defaultdict[int, list[Record]] = defaultdict(list)
        self._held: dict[str, list[Record]] = {}
        self.damaged = 0

    def apply(self, measured: Sequence[Record]) -> Sequence[Record]:
        """Take the records of the next sample; return what is sent now."""
        self._sample += 1
        count = len(measured)
        late = _delays(self._lateness, self._shares.reorder, _LATEST, count)
        again = _delays(self._copies, self._shares.duplicates, _LATEST_COPY, count)
        for record, delay, copy_delay in zip(map(self._stamp, measured), late, again, strict=True):
            self._due[self._sample + delay].append(record)
            if copy_delay:
                self._due[self._sample + copy_delay].append(record)
        sent = self._find_coverage(dict.fromkeys(each.vehicle_id for each in measured))
        for record in self._due.pop(self._sample, ()):
            self._held.get(record.vehicle_id, sent).append(record)
        return self._damage(sent)

    def rest(self) -> Sequence[Record]:
        """Return all that is still held, as it is sent after the last sample."""
        held = [record for records in self._held.values() for record in records]
        held += [record for sample in sorted(self._due) for record in self._due[sample]]
        self._held.clear()
        self._due.clear()
        return self._damage(held)

    def _stamp(self, record: Record) -> Record:
        """Set the time of a record to that of its vehicle's clock."""
        if record.vehicle_id not in self._offsets_ms:
            self._offsets_ms[record.vehicle_id] = self._draw_offset_ms(record.timestamp_ms)
        if not (offset_ms := self._offsets_ms[record.vehicle_id]):
            return record
        return msgspec.structs.replace(record, timestamp_ms=record.timestamp_ms + offset_ms)

    def _draw_offset_ms(self, now_ms: int) -> int:
        """Draw by how much a clock is wrong; half of the wrong clocks cannot be believed."""
        wrong, far, kind, near = self._clocks.random(4).tolist()
        if wrong >= self._shares.clock_skew:
            return 0
        return _FAR_MS[int(kind * len(_FAR_MS))](now_ms) if far < _HALF else round((2 * near - 1) * _NEAR_MS)

    def _find_coverage(self, vehicles: Iterable[str]) -> list[Record]:
        """Move vehicles out of coverage and back; return what was held for the vehicles that are back."""
        share = self._shares.offline
        leaves = _RETURNS * share / (1 - share) if share < 1 else 1.0
        burst: list[Record] = []
        for vehicle_id in vehicles:
            chance = self._coverage.random()
            if vehicle_id not in self._held:
                if chance < leaves:
                    self._held[vehicle_id] = []
            elif chance < _RETURNS:
                burst += self._held.pop(vehicle_id)
        return burst

    def _damage(self, records: Sequence[Record]) -> Sequence[Record]:
        """Damage a share of what is sent."""
        if not self._shares.corrupt:
            return records
        chances = self._damages.random(len(records))
        kinds = self._damages.integers(len(_DAMAGES), size=len(records))
        sent = list(records)
        for place in np.flatnonzero(chances < self._shares.corrupt).tolist():
            sent[place] = msgspec.structs.replace(sent[place], payload=_DAMAGES[kinds[place]])
            self.damaged += 1
        return sent


def _delays(rng: np.random.Generator, share: float, latest: int, count: int) -> Sequence[int]:
    """Draw a delay in samples for each record: 1 to `latest` for a share of them, 0 for the others."""
    drawn: list[int] = np.where(rng.random(count) < share, rng.integers(1, latest + 1, count), 0).tolist()
    return drawn
