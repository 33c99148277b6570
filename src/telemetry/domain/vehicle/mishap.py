"""What goes wrong between a vehicle and a receiver, on purpose and by a seed: what was measured becomes what is sent.

Five things, each by its own share and its own draws, in this order:

- a vehicle's clock is wrong, by up to two minutes or by more than can be believed, and stays so;
- a record is sent again some samples later, as by a client that did not see its answer;
- a record is sent some samples late, after those that were measured after it;
- a vehicle is out of coverage: what it would send is held, and sent in a burst once it is back;
- a record is damaged as it is sent, in one of the ways that a receiver has to refuse.

Time is counted in samples, a call each. But for damage nothing is lost, if the rest is sent as well.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final

import msgspec
import numpy as np

from telemetry.domain.contract.record import Record

_NEAR: Final = 120_000  # ms by which a wrong clock may be wrong and still be believed, with room to spare
_DAY: Final = 24 * 3_600_000
# As clocks are wrong that cannot be believed: by a month, by a day ahead, and since 1970 after a flat battery.
_FAR: Final[Sequence[Callable[[int], int]]] = (lambda _: -30 * _DAY, lambda _: _DAY, lambda now: -now)
_HALF: Final = 0.5
_OWN: Final = 4  # any number that nobody else puts before a seed
_LATEST_COPY: Final = 25  # samples: five seconds, a client's patience
_LATEST: Final = 10
_COMES_BACK: Final = 0.02  # chance of a sample to be the first in coverage again: a gap is 50 on average

# One of each kind of fault that the contract knows: nothing, no number, a name that is none, what cannot be.
_DAMAGES: Final[Sequence[dict[str, float]]] = (
    {},
    {"battery_soc": float("nan")},
    {"Battery SoC": 50.0},
    {"battery_soc": 655.35},
    {"cell_voltage_min": 4.0, "cell_voltage_max": 3.0},
)


Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Shares(msgspec.Struct, frozen=True):
    """How much goes wrong, each from 0, the default, to 1."""

    offline: Share = 0.0
    """Of the time that each vehicle is out of coverage."""
    clock_skew: Share = 0.0
    """Of the vehicles, whose clock is wrong."""
    duplicates: Share = 0.0
    """Of the records, which are sent twice."""
    reorder: Share = 0.0
    """Of the records, which are sent late."""
    corrupt: Share = 0.0
    """Of what is sent, which is damaged."""


class Mishaps:
    """The mishaps of one fleet; the same seed makes the same ones. `damaged` counts what was damaged so far."""

    def __init__(self, shares: Shares, seed: int) -> None:
        self._shares = shares
        # A stream each, so that one mishap leaves the others as they are; and none is one of the fleet's, which is
        # drawn from the same seed.
        streams = np.random.default_rng((_OWN, seed)).spawn(5)
        self._coverage, self._clocks, self._copies, self._lateness, self._damages = streams
        self._offsets: dict[str, int] = {}
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
        """Return all that was held back, as it is sent after the last sample."""
        held = [record for records in self._held.values() for record in records]
        held += [record for sample in sorted(self._due) for record in self._due[sample]]
        self._held.clear()
        self._due.clear()
        return self._damage(held)

    def _stamp(self, record: Record) -> Record:
        """Give a record the time that its vehicle's clock has."""
        if record.vehicle_id not in self._offsets:
            self._offsets[record.vehicle_id] = self._offset(record.timestamp_ms)
        if not (offset := self._offsets[record.vehicle_id]):
            return record
        return msgspec.structs.replace(record, timestamp_ms=record.timestamp_ms + offset)

    def _offset(self, now: int) -> int:
        """Draw by how many milliseconds a clock is wrong: half of those that are, by more than can be believed."""
        wrong, far, kind, near = self._clocks.random(4).tolist()
        if wrong >= self._shares.clock_skew:
            return 0
        return _FAR[int(kind * len(_FAR))](now) if far < _HALF else round((2 * near - 1) * _NEAR)

    def _find_coverage(self, vehicles: Iterable[str]) -> list[Record]:
        """Let vehicles leave coverage and come back; return what those that are back have held."""
        share = self._shares.offline
        leaves = _COMES_BACK * share / (1 - share) if share < 1 else 1.0
        burst: list[Record] = []
        for vehicle_id in vehicles:
            chance = self._coverage.random()
            if vehicle_id not in self._held:
                if chance < leaves:
                    self._held[vehicle_id] = []
            elif chance < _COMES_BACK:
                burst += self._held.pop(vehicle_id)
        return burst

    def _damage(self, records: Sequence[Record]) -> Sequence[Record]:
        """Damage some of what is sent."""
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
    """Draw delays of 1 to `latest` samples for a share of records, and 0 for the others."""
    drawn: list[int] = np.where(rng.random(count) < share, rng.integers(1, latest + 1, count), 0).tolist()
    return drawn
