"""The frames of a log in groups of one kind, and messages of several frames put together."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from telemetry.domain.can import columns
from telemetry.domain.can.columns import Flags, Frames, Group
from telemetry.domain.can.frame import Frame
from telemetry.domain.can.transfer import FORMATS, Transfers

_FORMAT_SHIFT: Final = 16
_FORMAT_MASK: Final = 0x3FF


class Gathered(NamedTuple):
    """Frames of one kind; of a message of several, the last one with the bytes of all in `payloads`."""

    group: Group
    payloads: Sequence[bytes] = ()


class Gathering:
    """Groups the frames of a log; with `transfers`, as those of SAE J1939.

    `packets` counts by id the frames that are a part of a message, but for the last one of each.
    """

    def __init__(self, transfers: Transfers | None = None) -> None:
        self._transfers = transfers
        self.packets: Counter[str] = Counter()

    def groups(self, frames: Frames) -> Iterator[Gathered]:
        """Yield the next frames of the log in groups, each of them in one."""
        if self._transfers is None or not (parts := _are_parts(frames)).any():
            yield from map(Gathered, columns.groups(frames))
            return
        yield from self._messages(frames, parts, self._transfers)
        others = np.flatnonzero(~parts)
        for group in columns.groups(frames.take(others)):
            yield Gathered(group._replace(rows=others[group.rows]))

    def end(self) -> Mapping[str, int]:
        """Return how many messages of each id were not complete; nothing follows."""
        if self._transfers is None:
            return {}
        self._transfers.end()
        return {f"0x{can_id:X}": count for can_id, count in self._transfers.incomplete.items()}

    def _messages(self, frames: Frames, parts: Flags, transfers: Transfers) -> Iterator[Gathered]:
        for row in np.flatnonzero(parts).tolist():
            part = _frame(frames, row)
            if message := transfers.take(part):
                group = Group(part.bus, message.can_id, True, len(message.data), np.array([row]))  # noqa: FBT003  # extended
                yield Gathered(group, [message.data])
            else:
                self.packets[f"0x{part.can_id:X}"] += 1


def _are_parts(frames: Frames) -> Flags:
    return frames.is_extended & np.isin(frames.ids >> _FORMAT_SHIFT & _FORMAT_MASK, FORMATS)


def _frame(frames: Frames, row: int) -> Frame:
    return Frame(
        float(frames.times_us[row]) / 1e6,
        int(frames.ids[row]),
        frames.data[row, : frames.lengths[row]].tobytes(),
        bool(frames.is_extended[row]),
        frames.names[frames.buses[row]],
    )
