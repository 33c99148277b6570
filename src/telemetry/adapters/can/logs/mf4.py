"""MDF, the measurement file of ASAM, as asammdf reads it: the frames of its bus logging, and its signals.

A file has a group of records for each bus, direction and kind of id. Each is in the order of time, so that
frames of several groups are merged by their times.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from telemetry.adapters.can.logs.format import Context, Format, epoch_us
from telemetry.adapters.can.logs.mf4_channels import Channels, has_channels
from telemetry.adapters.can.logs.mf4_rows import AT_ONCE, Rows
from telemetry.adapters.can.logs.rows import STANDARD
from telemetry.adapters.can.logs.stream import HEAD, Stream
from telemetry.domain.can.columns import CLASSIC, FD, Bytes, Frames
from telemetry.domain.can.frame import UnreadableError
from telemetry.domain.can.measured import Block

if TYPE_CHECKING:
    from asammdf import MDF
    from asammdf.blocks.mdf_v4 import Group

_MAGICS: Final = (b"MDF     ", b"UnFinMF ")
_DATA: Final = "CAN_DataFrame"
_SKIPPED: Final = {"CAN_RemoteFrame": "remote", "CAN_ErrorFrame": "error", "CAN_OverloadFrame": "overload"}
_BUSES: Final = ("CAN_", "LIN_", "FLX_", "ETH_", "MOST_", "K_LINE_")  # what logs of buses begin with
_EXTENDED: Final = 0x8000_0000
_ID: Final = 0x1FFF_FFFF


def _opened(stream: Stream, stack: ExitStack) -> "MDF":
    """Open a file; what is compressed, or comes by a pipe, is written to a temporary one first."""
    try:
        from asammdf import MDF  # noqa: PLC0415  # an extra, which takes a second to import
    except ModuleNotFoundError as error:
        raise UnreadableError(
            f"it is an MDF file, and {error.name} is not installed: pip install 'battery-telemetry[mf4]'"
        ) from error
    logging.getLogger("asammdf").setLevel(logging.CRITICAL)  # what it would log is raised too
    path = stream.path
    if not path:
        copy = stack.enter_context(NamedTemporaryFile(suffix=".mf4"))  # noqa: SIM115  # the stack closes it
        while some := stream.read(HEAD):
            copy.write(some)
        copy.flush()
        path = Path(copy.name)
    try:
        return stack.enter_context(MDF(path))
    except Exception as error:
        _close_half(error)
        raise


def _close_half(error: Exception) -> None:
    """Close what was opened in vain: asammdf itself would fail when it closes what it never opened."""
    trace = error.__traceback__
    while trace:
        half: Any = trace.tb_frame.f_locals.get("self")
        if half is not None and not getattr(half, "_closed", True):
            half._closed = True  # noqa: SLF001  # there is no other way
            if temporary := getattr(half, "_tempfile", None):
                temporary.close()
        trace = trace.tb_next


class _Group(Rows[Frames]):
    """The frames of one group, some at a time."""

    def __init__(self, mdf: "MDF", index: int, start_us: int) -> None:
        self._mdf = mdf
        self._index = index
        self._names = {channel.name for channel in mdf.groups[index].channels}
        super().__init__(mdf.groups[index].channel_group.cycles_nr, start_us)

    def _read(self, start: int) -> Frames:
        numbers, times_s = self._column("ID", start)
        ids = numbers.astype(np.int64)
        count, (data, _) = len(ids), self._column("DataBytes", start)
        lengths = np.minimum(self._numbers("DataLength", start, count), data.shape[1]).astype(np.uint8)
        names, places = np.unique(self._numbers("BusChannel", start, count), return_inverse=True)
        is_extended = self._numbers("IDE", start, count) != 0
        return Frames(
            self._times(times_s),
            (ids & _ID).astype(np.uint32),
            is_extended | (ids & _EXTENDED != 0) | (ids & _ID > STANDARD),
            places.astype(np.uint16),
            self._numbers("Dir", start, count) != 0,
            lengths,
            _zeroed(data, lengths),
            [str(int(name)) for name in names],
        )

    def _numbers(self, name: str, start: int, count: int) -> npt.NDArray[np.float64]:
        """Return a column of numbers, zeros if the group has none."""
        if f"{_DATA}.{name}" not in self._names:
            return np.zeros(count)
        values, _ = self._column(name, start)
        if values.dtype.kind in "SU":  # the direction as a word
            return np.char.startswith(np.char.lower(values.astype(str)), "tx").astype(np.float64)
        return values.astype(np.float64)

    def _column(self, name: str, start: int) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.float64]]:
        signal = self._mdf.get(
            f"{_DATA}.{name}", group=self._index, record_offset=start, record_count=AT_ONCE
        )
        return signal.samples, signal.timestamps


def _zeroed(data: npt.NDArray[np.generic], lengths: Bytes) -> Bytes:
    """Return data (n, 8) or (n, 64), with zeros from the length of each row on."""
    width = CLASSIC if not lengths.size or int(lengths.max()) <= CLASSIC else FD
    rows = np.zeros((len(data), width), np.uint8)
    rows[:, : data.shape[1]] = data[:, :width]
    rows[np.arange(width) >= lengths[:, None]] = 0
    return rows


def _merged(parts: Sequence[Frames], names: dict[str, int]) -> Frames:
    """Return frames of several groups in the order of their times; `names` are those of all buses so far."""
    width = max(part.data.shape[1] for part in parts)
    buses = [
        np.array([names.setdefault(name, len(names)) for name in part.names], np.uint16)[part.buses]
        for part in parts
    ]
    order = np.argsort(np.concatenate([part.times_us for part in parts]), kind="stable")
    return Frames(
        np.concatenate([part.times_us for part in parts]),
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.is_extended for part in parts]),
        np.concatenate(buses),
        np.concatenate([part.is_sent for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([np.pad(part.data, ((0, 0), (0, width - part.data.shape[1]))) for part in parts]),
        list(names),
    ).take(order)


def _blocks(stream: Stream, context: Context) -> Iterator[Block]:
    with ExitStack() as stack:
        try:
            for block in _merge(_groups(_opened(stream, stack), context)):
                context.tally.frames += block.size
                yield block
        except UnreadableError:
            raise
        except Exception as error:  # noqa: BLE001  # damaged input makes the library raise any error
            why = str(error) or type(error).__name__
            context.tally.fault = f"it is damaged, or breaks off before what describes its data: {why}"


def _merge(groups: Sequence[_Group | Channels]) -> Iterator[Block]:
    """Yield the frames of groups in the order of their times, and the signals of each group beside them."""
    names: dict[str, int] = {}
    while groups:
        until_us = min(group.until_us for group in groups)
        if logged := [group.take(until_us) for group in groups if isinstance(group, _Group)]:
            yield _merged(logged, names)
        yield from (group.take(until_us) for group in groups if isinstance(group, Channels))
        groups = [group for group in groups if not group.is_empty]


def _groups(mdf: "MDF", context: Context) -> list[_Group | Channels]:
    """Return the groups that hold data frames or signals, and count the frames without data."""
    moment = mdf.start_time
    start_us = epoch_us(moment, moment.tzinfo or context.zone)
    found: list[_Group | Channels] = []
    for index, group in enumerate(cast("Sequence[Group]", mdf.groups)):
        count = group.channel_group.cycles_nr
        names = {channel.name for channel in group.channels}
        if count and f"{_DATA}.ID" in names:
            found.append(_Group(mdf, index, start_us))
        elif not any(name.startswith(_BUSES) for name in names) and has_channels(mdf, index):
            found.append(Channels(mdf, index, start_us))
        for name, reason in _SKIPPED.items():
            if count and name in names:
                context.tally.skipped[reason] += count
    return found


MF4: Final = Format("MDF", lambda head: head.startswith(_MAGICS), _blocks)
