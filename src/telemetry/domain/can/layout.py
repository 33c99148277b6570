"""The layout of a message: where each of its signals lies, and when it is there.

Signals may share bits, since each is read by itself. Only encoding needs them apart.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from telemetry.domain.can.bits import BYTES, Block, Field, Rows, Words
from telemetry.domain.can.page import Page
from telemetry.domain.can.part import Part, fault
from telemetry.domain.can.protection import MASK, Protection
from telemetry.domain.can.scaling import Floats, Signal


class Switch(NamedTuple):
    """When a multiplexed signal is there: when signal number `multiplexer` has one of some raw values."""

    multiplexer: int
    raws: tuple[range, ...]


class Slot(NamedTuple):
    """A signal and its place; with a `switch` it is only there at times."""

    signal: Signal
    field: Field
    switch: Switch | None = None


class Layout:
    """The signals of one message of `size` bytes, each with its place."""

    def __init__(
        self,
        slots: Sequence[Slot | tuple[Signal, Field]],
        size: int,
        protection: Protection | None = None,
    ) -> None:
        """Raise ValueError if a field reaches beyond `size` bytes."""
        self._slots = [Slot(*each) for each in slots]
        for each in self._slots:
            if each.field.size > size:
                raise ValueError(f"{each.signal.name} reaches beyond {size} bytes")
        self.size = size
        self.names = [each.signal.name for each in self._slots]
        self._protection = protection
        self._switches = sorted({each.switch.multiplexer for each in self._slots if each.switch})
        self._pages: dict[tuple[int, ...], Page] = {}

    def decode(self, block: Block) -> Mapping[str, Floats]:
        """Decode frames, as if they held all signals. A value that is not available is NaN.

        If the frames are shorter than the layout, return the signals that lie in them whole.
        """
        return {
            each.signal.name: each.signal.values(each.field.take(block))
            for each in self._slots
            if each.field.size <= block.size
        }

    def parts(self, block: Block) -> Sequence[Part]:
        """Decode frames; each of them is in one of the parts.

        Bytes beyond the size of the layout are ignored.
        """
        every = np.arange(len(block))
        if not self._protection:
            return self._intact_parts(block, every)
        intact = self._protection.is_intact(block.words(), min(block.size, self.size))
        if intact.all():
            return self._intact_parts(block, every)
        damaged = fault(np.flatnonzero(~intact), "its checksum is wrong")
        rows = np.flatnonzero(intact)
        return [damaged, *(self._intact_parts(block.rows(rows), rows) if len(rows) else ())]

    def encode(self, values: Mapping[str, Floats], number: int = 0) -> Words:
        """Make the words of frames that hold the values (n,) of at least one signal.

        Each frame is the one of this `number` of its sender. A signal without values, and a value that is
        NaN, is sent as not available. Unused bits are sent as ones, because the car sends most of them so.
        Raise ValueError if frames of this layout cannot be made, or naming a signal that has no raw value
        for one of its values.
        """
        blank = self._blank()
        count = len(next(iter(values.values())))
        absent = np.full(count, np.nan)
        words = np.full(count, np.uint64(blank))
        for signal, field, _ in self._slots:
            words |= field.put(signal.raws(values.get(signal.name, absent)))
        return self._protection.protect(words, self.size, number) if self._protection else words

    def _blank(self) -> int:
        """Return the unused bits of a frame. Raise ValueError if its signals are not apart."""
        if self.size > BYTES or self._switches:
            raise ValueError(f"frames of more than {BYTES} bytes, or multiplexed ones, are not made")
        used: int = MASK if self._protection else 0
        for signal, field, _ in self._slots:
            if used & field.mask:
                raise ValueError(f"{signal.name} reaches into another signal")
            used |= field.mask
        return (1 << 8 * self.size) - 1 & ~used

    def _intact_parts(self, block: Block, rows: Rows) -> Sequence[Part]:
        if not self._switches:
            return [self._part(block, rows, tuple(range(len(self._slots))))]
        kinds = self._kinds(block)
        return [self._part(block.rows(own), rows[own], present) for present, own in kinds.items()]

    def _part(self, block: Block, rows: Rows, present: tuple[int, ...]) -> Part:
        whole = tuple(place for place in present if self._slots[place].field.size <= block.size)
        if not whole:
            return fault(rows, f"{block.size} bytes hold none of its signals whole")
        if not (page := self._pages.get(whole)):
            chosen = [self._slots[place] for place in whole]
            page = self._pages[whole] = Page([(each.signal, each.field) for each in chosen])
        values, marks = page.decode(block)
        is_pageless = any(place in whole and not self._chosen_by(place, present) for place in self._switches)
        return Part(rows, page.names, values, marks, block.size < self.size, is_pageless=is_pageless)

    def _chosen_by(self, multiplexer: int, present: tuple[int, ...]) -> bool:
        """Return whether a signal is there because of the value of a multiplexer."""
        switches = (self._slots[place].switch for place in present)
        return any(switch is not None and switch.multiplexer == multiplexer for switch in switches)

    def _kinds(self, block: Block) -> Mapping[tuple[int, ...], Rows]:
        """Return which frames hold which signals."""
        known = [each for each in self._switches if self._slots[each].field.size <= block.size]
        if not known:
            return {self._present({}): np.arange(len(block))}
        with np.errstate(invalid="ignore"):  # a float that is no number chooses nothing
            taken = np.column_stack([self._slots[each].field.take(block).astype(np.int64) for each in known])
        different, inverse = np.unique(taken, axis=0, return_inverse=True)
        # The frames sorted by the values of their multiplexers, cut where these change.
        order = np.argsort(inverse.ravel(), kind="stable")
        cuts = np.cumsum(np.bincount(inverse.ravel()))[:-1]
        kinds: defaultdict[tuple[int, ...], list[Rows]] = defaultdict(list)
        for raws, rows in zip(different.tolist(), np.split(order, cuts), strict=True):
            kinds[self._present(dict(zip(known, raws, strict=True)))].append(rows)
        return {present: np.sort(np.concatenate(rows)) for present, rows in kinds.items()}

    def _present(self, raws: Mapping[int, int]) -> tuple[int, ...]:
        """Return the signals that are there when the multiplexers have these raw values."""

        def is_there(slot: Slot) -> bool:
            if slot.switch is None:
                return True
            raw = raws.get(slot.switch.multiplexer)
            is_chosen = raw is not None and any(raw in some for some in slot.switch.raws)
            return is_chosen and is_there(self._slots[slot.switch.multiplexer])

        return tuple(place for place, slot in enumerate(self._slots) if is_there(slot))


class Cyclic(NamedTuple):
    """A message that is sent every `period_ms`."""

    can_id: int
    period_ms: int
    layout: Layout
