"""Use-case: turn the frames of a CAN log into records of one vehicle, and count the frames that become none.

The times of a log are moved as a whole, so that its first frame, known or not, lies at a given moment. What
is finer than a millisecond is cut off. A frame whose millisecond another frame of its id has taken is nudged
to the next free one, as `telemetry.domain.can.taken` says.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from telemetry.domain.can import bits, columns
from telemetry.domain.can.choice import Choice, by_bus
from telemetry.domain.can.columns import Frames, Group, Micros, Places
from telemetry.domain.can.counts import ReplayCounts
from telemetry.domain.can.gathering import Gathering
from telemetry.domain.can.measured import Block, Measured
from telemetry.domain.can.part import Part
from telemetry.domain.can.taken import Millis, Taken
from telemetry.domain.can.transfer import Transfers
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.record import Record

# The moments that RFC 3339 can express, with a day to spare for frames that are nudged.
_EARLIEST_MS: Final = epoch_ms(datetime.min.replace(tzinfo=UTC))
_LATEST_MS: Final = epoch_ms(datetime(9999, 12, 31, tzinfo=UTC))
_NO_TIME: Final = "its time lies outside the years 1 to 9999"

Decoder: TypeAlias = Callable[[bits.Block], Sequence[Part]]
"""Decodes frames of one id, all of one size; each of them is in one of the parts."""

Find: TypeAlias = Callable[[str, int, bool], Decoder | None]
"""Returns what decodes the frames of a bus and an id, standard or extended; None without a definition."""


Watch: TypeAlias = Callable[[Frames, Group, Sequence[dict[str, float]]], None]
"""Is told of each group of frames, and of the signals of those that have some."""


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
        self._decoders: dict[tuple[str, int, bool], Decoder | None] = {}
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
        if not self._choice.has(measured.bus):
            self.counts.other_bus[measured.bus] += measured.size
            return []
        self.counts.frames += measured.size
        can_id = f"0x{measured.can_id:X}"
        wanted = self._wanted(measured.times_us)
        rows = np.flatnonzero((wanted >= _EARLIEST_MS) & (wanted <= _LATEST_MS))
        self.counts.undecodable[f"{can_id} ({_NO_TIME})"] += measured.size - len(rows)
        found = self._sorted(can_id, rows, measured.take(rows).part(), measured.bus)
        return self._made(measured.size, wanted, iter([found]))

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
        for (bus, can_id, _), decoder in self._decoders.items():
            if decoder:
                buses[can_id].add(bus)
        return [f"0x{can_id:X}" for can_id, names in sorted(buses.items()) if len(names) > 1]

    def _chosen(self, frames: Frames) -> Frames:
        """Leave out what is not to be replayed, and count it."""
        of_bus = by_bus(frames)
        others = {name: count for name, count in of_bus.items() if not self._choice.has(name)}
        self.counts.buses.update(of_bus)
        self.counts.other_bus.update(others)
        wanted = self._choice.wanted(frames)
        left_out = frames.size - int(np.count_nonzero(wanted))
        if sent := left_out - sum(others.values()):
            self.counts.sent["sent"] += sent
        return frames.take(wanted) if left_out else frames

    def _found(self, frames: Frames, wanted: Millis) -> Iterator[_Found]:
        """Decode frames, count what becomes no record, and yield the rest."""
        is_timely = (wanted >= _EARLIEST_MS) & (wanted <= _LATEST_MS)
        for group, payloads in self._gathering.groups(frames):
            can_id = f"0x{group.can_id:X}"
            rows = group.rows[is_timely[group.rows]]
            self.counts.undecodable[f"{can_id} ({_NO_TIME})"] += len(group.rows) - len(rows)
            if not len(rows):
                continue
            timely, found = group._replace(rows=rows), []
            if decoder := self._decoder(*group[:3]):
                block = bits.Block.of(payloads) if payloads else columns.block(frames, timely)
                found = [self._sorted(can_id, rows, part, group.bus) for part in decoder(block)]
            else:
                self.counts.undefined[can_id] += len(rows)
            if self._watch:
                self._watch(frames, timely, [signals for each in found for signals in each.signals])
            yield from found

    def _decoder(self, bus: str, can_id: int, is_extended: bool) -> Decoder | None:  # noqa: FBT001  # as a frame has it
        kind = bus, can_id, is_extended
        if kind not in self._decoders:
            self._decoders[kind] = self._find(*kind)
        return self._decoders[kind]

    def _sorted(self, can_id: str, rows: Places, part: Part, bus: str) -> _Found:
        """Count what there is to say of decoded frames, and return those that have a signal."""
        if part.fault:
            self.counts.undecodable[f"{can_id} ({part.fault})"] += len(part.rows)
            return _Found(can_id, rows[:0], ())
        self.counts.short[can_id] += len(part.rows) if part.is_short else 0
        self.counts.pageless[can_id] += len(part.rows) if part.is_pageless else 0
        signals, rows = part.signals(self._choice.prefix(bus)), rows[part.rows]
        if part.marks is None:
            return _Found(can_id, rows, signals)
        for mark, name, count in part.marked():
            self.counts.of(mark)[f"{name} ({can_id})"] += count
        has_signal = [bool(each) for each in signals]
        self.counts.blank[can_id] += has_signal.count(False)
        return _Found(can_id, rows[has_signal], [each for each in signals if each])

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
