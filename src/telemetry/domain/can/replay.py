"""Use-case: turn the frames of a CAN log into records of one vehicle, and count the frames that become none.

The times of a log are moved as a whole, so that its first frame, known or not, lies at a given moment. What
is finer than a millisecond is cut off. A frame whose millisecond another frame of its id has taken is nudged
to the next free one, as `telemetry.domain.can.taken` says.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np

from telemetry.domain.can import columns
from telemetry.domain.can.columns import Frames, Group, Micros, Places
from telemetry.domain.can.frame import Decoded, Outcome, Reader, UndecodableFrameError
from telemetry.domain.can.gathering import Gathering
from telemetry.domain.can.measured import Block, Measured
from telemetry.domain.can.taken import Millis, Taken
from telemetry.domain.can.transfer import Transfers
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.record import Record

# The moments that RFC 3339 can express, with a day to spare for frames that are nudged.
_EARLIEST_MS: Final = epoch_ms(datetime.min.replace(tzinfo=UTC))
_LATEST_MS: Final = epoch_ms(datetime(9999, 12, 31, tzinfo=UTC))
_NO_TIME: Final = "its time lies outside the years 1 to 9999"

Find: TypeAlias = Callable[[str, int, bool], Reader | None]
"""Returns what decodes the frames of a bus and an id, standard or extended; None without a definition."""


Watch: TypeAlias = Callable[[Frames, Group, Sequence[dict[str, float]]], None]
"""Is told of each group of frames, and of the signals of those that have some."""


class ReplayCounts(msgspec.Struct):
    """How many frames had which outcome; each counter is by CAN id, some with a signal or a reason beside it.

    `furthest` is the most milliseconds by which a frame was nudged. `buses` counts frames by bus, of which
    `other_bus` and `sent` were left out on demand.
    """

    frames: int = 0
    undefined: Counter[str] = msgspec.field(default_factory=Counter)
    undecodable: Counter[str] = msgspec.field(default_factory=Counter)
    blank: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that were decoded and have no available signal."""
    short: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that are shorter than their definition; the signals that they hold were decoded."""
    unavailable: Counter[str] = msgspec.field(default_factory=Counter)
    errors: Counter[str] = msgspec.field(default_factory=Counter)
    """Values in whose place the sender says that there is a fault; they are left out."""
    impossible: Counter[str] = msgspec.field(default_factory=Counter)
    """Values that are physically impossible; they are left out."""
    outside: Counter[str] = msgspec.field(default_factory=Counter)
    """Values outside the range that their definition states; they are kept."""
    packets: Counter[str] = msgspec.field(default_factory=Counter)
    """Frames that are a part of a message of several, but for the last one of each."""
    incomplete: Counter[str] = msgspec.field(default_factory=Counter)
    """Messages of several frames of which some were missing."""
    nudged: Counter[str] = msgspec.field(default_factory=Counter)
    furthest: int = 0
    buses: Counter[str] = msgspec.field(default_factory=Counter)
    other_bus: Counter[str] = msgspec.field(default_factory=Counter)
    sent: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def decoded(self) -> int:
        left = self.undefined.total() + self.undecodable.total() + self.packets.total()
        return self.frames - left

    @property
    def records(self) -> int:
        return self.decoded - self.blank.total()


class Choice(NamedTuple):
    """Which frames are replayed: those of some buses, or of all if none is named, sent ones or not."""

    buses: Collection[str] = ()
    with_sent: bool = True
    names_buses: bool = False
    """Whether the name of each signal begins with that of its bus."""


class _Found(NamedTuple):
    """The decoded frames of one group that become records."""

    can_id: str
    rows: Places
    signals: Sequence[dict[str, float]]


class LogReplay:
    """The log of one vehicle, which begins at `start_ms`; if that is None, the log keeps its own times.

    `counts` has the outcomes of all frames so far. `transfers` puts messages together that SAE J1939 sends in
    several frames; without it, these frames are like all others.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what is replayed, and how
        self,
        find: Find,
        vehicle_id: str,
        start_ms: int | None,
        choice: Choice | None = None,
        watch: Watch | None = None,
        transfers: Transfers | None = None,
    ) -> None:
        self._find = find
        self._vehicle_id = vehicle_id
        self._start_ms = start_ms or 0
        self._origin_us = None if start_ms is not None else 0
        self._choice = choice or Choice()
        self._watch = watch
        self._gathering = Gathering(transfers)
        self._readers: dict[tuple[str, int, bool], Reader | None] = {}
        self._taken: defaultdict[str, Taken] = defaultdict(Taken)
        self.counts = ReplayCounts(packets=self._gathering.packets)

    def records(self, block: Block) -> Sequence[Record]:
        """Turn the next frames of the log into records, one a frame that has an available signal.

        They are in the order of the log.
        """
        if not block.size:
            return []
        if self._origin_us is None:
            self._origin_us = int(block.times_us[0])
        return self._decoded(block) if isinstance(block, Frames) else self._measured(block)

    def _measured(self, measured: Measured) -> Sequence[Record]:
        """Turn signals that are decoded already into records."""
        self.counts.buses[measured.bus] += measured.size
        if self._choice.buses and measured.bus not in self._choice.buses:
            self.counts.other_bus[measured.bus] += measured.size
            return []
        self.counts.frames += measured.size
        can_id = f"0x{measured.can_id:X}"
        kept, impossible = measured.without_impossible()
        self.counts.impossible.update({f"{name} ({can_id})": count for name, count in impossible.items()})
        wanted = self._wanted(kept.times_us)
        outcomes = [
            Decoded(signals) if _EARLIEST_MS <= ms <= _LATEST_MS else UndecodableFrameError(_NO_TIME)
            for signals, ms in zip(kept.rows(), wanted.tolist(), strict=True)
        ]
        group = Group(measured.bus, measured.can_id, False, 0, np.arange(kept.size))  # noqa: FBT003  # not extended
        return self._made(kept.size, wanted, iter([self._sorted(can_id, group, outcomes)]))

    def _decoded(self, frames: Frames) -> Sequence[Record]:
        frames = self._chosen(frames)
        self.counts.frames += frames.size
        wanted = self._wanted(frames.times_us)
        return self._made(frames.size, wanted, self._found(frames, wanted))

    def _wanted(self, times_us: Micros) -> Millis:
        """Return the millisecond of each time: by whole microseconds, and then down."""
        wanted: Millis = self._start_ms + (times_us - (self._origin_us or 0)) // 1000
        return wanted

    def _made(self, size: int, wanted: Millis, decoded: Iterator[_Found]) -> Sequence[Record]:
        records: list[Record | None] = [None] * size
        for found, ms in self._placed(wanted, decoded):
            for row, at_ms, signals in zip(found.rows.tolist(), ms.tolist(), found.signals, strict=True):
                records[row] = Record(at_ms, self._vehicle_id, found.can_id, signals)
        return [record for record in records if record]

    def end(self) -> None:
        """Count the messages of several frames that are not complete; nothing follows."""
        self.counts.incomplete.update(self._gathering.end())

    @property
    def shared_ids(self) -> Sequence[str]:
        """List the ids with a definition that are on several buses."""
        buses: defaultdict[int, set[str]] = defaultdict(set)
        for (bus, can_id, _), read in self._readers.items():
            if read:
                buses[can_id].add(bus)
        return [f"0x{can_id:X}" for can_id, names in sorted(buses.items()) if len(names) > 1]

    def _chosen(self, frames: Frames) -> Frames:
        """Leave out what is not to be replayed, and count it."""
        counts = np.bincount(frames.buses, minlength=len(frames.names)).tolist()
        of_bus = {name: count for name, count in zip(frames.names, counts, strict=True) if count}
        self.counts.buses.update(of_bus)
        wanted = np.ones(frames.size, np.bool_)
        if self._choice.buses:
            left_out = {name: count for name, count in of_bus.items() if name not in self._choice.buses}
            self.counts.other_bus.update(left_out)
            wanted &= np.isin(
                frames.buses, [frames.names.index(name) for name in of_bus if name not in left_out]
            )
        if not self._choice.with_sent:
            self.counts.sent.update({"sent": int(np.count_nonzero(wanted & frames.is_sent))})
            wanted &= ~frames.is_sent
        return frames if wanted.all() else frames.take(wanted)

    def _found(self, frames: Frames, wanted: Millis) -> Iterator[_Found]:
        """Decode frames, count what becomes no record, and yield the rest."""
        is_timely = (wanted >= _EARLIEST_MS) & (wanted <= _LATEST_MS)
        for group, payloads in self._gathering.groups(frames):
            can_id = f"0x{group.can_id:X}"
            rows = group.rows[is_timely[group.rows]]
            self.counts.undecodable[f"{can_id} ({_NO_TIME})"] += len(group.rows) - len(rows)
            if not len(rows):
                continue
            timely, found = group._replace(rows=rows), _Found(can_id, rows[:0], ())
            if read := self._reader(*group[:3]):
                found = self._sorted(can_id, timely, read(payloads or columns.payloads(frames, timely)))
            else:
                self.counts.undefined[can_id] += len(rows)
            if self._watch:
                self._watch(frames, timely, found.signals)
            yield found

    def _reader(self, bus: str, can_id: int, is_extended: bool) -> Reader | None:  # noqa: FBT001  # as a frame has it
        kind = bus, can_id, is_extended
        if kind not in self._readers:
            self._readers[kind] = self._find(*kind)
        return self._readers[kind]

    def _sorted(self, can_id: str, group: Group, outcomes: Sequence[Outcome]) -> _Found:
        prefix = f"{_name(group.bus)}_" if self._choice.names_buses else ""
        kept, signals = [], []
        for place, outcome in enumerate(outcomes):
            if (decoded := self._counted(can_id, outcome)) is not None:
                kept.append(place)
                signals.append(
                    {f"{prefix}{name}": value for name, value in decoded.items()} if prefix else decoded
                )
        rows = group.rows if len(kept) == len(group.rows) else group.rows[kept]
        return _Found(can_id, rows, signals)

    def _counted(self, can_id: str, outcome: Outcome) -> dict[str, float] | None:
        """Return the signals of a frame, if it has any; count what it has not."""
        if isinstance(outcome, UndecodableFrameError):
            self.counts.undecodable[f"{can_id} ({outcome})"] += 1
            return None
        if any(outcome[1:]):
            self._count_gaps(can_id, outcome)
        if not outcome.signals:
            self.counts.blank[can_id] += 1
            return None
        return outcome.signals

    def _count_gaps(self, can_id: str, outcome: Decoded) -> None:
        self.counts.short[can_id] += outcome.is_short
        for counter, names in (
            (self.counts.unavailable, outcome.unavailable),
            (self.counts.errors, outcome.errors),
            (self.counts.impossible, outcome.impossible),
            (self.counts.outside, outcome.outside),
        ):
            counter.update(f"{name} ({can_id})" for name in names)

    def _placed(self, wanted: Millis, found: Iterator[_Found]) -> Iterator[tuple[_Found, Millis]]:
        """Give each frame that becomes a record its millisecond, in the order of the log."""
        placed = wanted.copy()
        by_id: defaultdict[str, list[_Found]] = defaultdict(list)
        for each in found:
            if len(each.rows):
                by_id[each.can_id].append(each)
        for can_id, some in by_id.items():
            rows = some[0].rows if len(some) == 1 else np.sort(np.concatenate([each.rows for each in some]))
            placed[rows] = self._taken[can_id].place(wanted[rows])
            moved = placed[rows] - wanted[rows]
            self.counts.nudged[can_id] += int(np.count_nonzero(moved))
            self.counts.furthest = max(self.counts.furthest, int(moved.max()))
            yield from ((each, placed[each.rows]) for each in some)


def _name(bus: str) -> str:
    """Write the name of a bus so that the name of a signal may begin with it: `can0`, `bus_1` of `1`."""
    name = re.sub(r"[^a-z0-9]+", "_", bus.lower()).strip("_")
    return name if name[:1].isalpha() else f"bus_{name}"
