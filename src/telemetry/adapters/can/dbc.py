"""Definitions of frames in a DBC file: cantools reads the file, and the domain decodes the frames.

A message for which the domain cannot make a layout (it is multiplexed, longer than 8 bytes, or has signals
that overlap) is decoded by cantools, frame by frame. Two attributes of a message are used besides its layout.
`GenMsgCycleTime` is a common one. `CrcInit` is ours: the initial value of the checksum of a message that is
protected as `telemetry.domain.can.protection` says.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import cantools
from cantools.database.can import Message
from cantools.database.can import Signal as Definition

from telemetry.domain.can import frame
from telemetry.domain.can.bits import Field, Kind, Order
from telemetry.domain.can.frame import (
    Cyclic,
    Decoded,
    Frame,
    Layout,
    Outcome,
    Reader,
    UndecodableFrameError,
    UnreadableError,
)
from telemetry.domain.can.protection import MASK, Protection
from telemetry.domain.can.scaling import Signal, snake_names

BMW_I3: Final = Path(__file__).parents[2] / "data" / "bmw_i3.dbc"
"""The definitions that come with the package."""

_LAYOUT_ONLY: Final = {
    "decode_choices": False,  # a payload holds numbers, not the names of states
    "scaling": False,
    # Of a frame that is shorter than its definition, cantools returns the signals that lie in it whole, with
    # the values that they would have in the full frame, and leaves out the others. So no value is guessed,
    # and none is lost.
    "allow_truncated": True,
    "allow_excess": True,  # a longer frame holds every signal where it is defined
}


class Dbc:
    """The definitions in one file, by CAN id; a definition without a signal does not count.

    `cyclic` are the messages that are sent periodically, if they have a standard id and a layout.
    """

    def __init__(self, path: Path = BMW_I3) -> None:
        """Read the file. Raise OSError if that is not possible.

        Raise UnreadableError if it is no DBC, or two signals of a message would have the same name.
        """
        database = cantools.database.Database(strict=False)  # real files have signals that overlap
        try:
            database.add_dbc_file(str(path))
        except OSError:
            raise
        except Exception as error:  # the parser's errors are of many kinds
            raise UnreadableError(f"{path}: it is no DBC file: {error}") from error
        self.cyclic: list[Cyclic] = []
        self._readers: dict[tuple[int, bool], Reader] = {}
        for message in database.messages:
            if message.signals:
                try:
                    self._add(message)
                except ValueError as error:
                    raise UnreadableError(f"{path}: in {message.name}, {error}") from error

    def decode(self, frames: Sequence[Frame]) -> Sequence[Outcome | None]:
        """Decode frames, in their order; the outcome of a frame without a definition is None."""
        return frame.decode(frames, self._readers)

    def reader(self, can_id: int, is_extended: bool) -> Reader | None:  # noqa: FBT001  # as a frame has it
        """Return what decodes the frames of an id, None without a definition."""
        return self._readers.get((can_id, is_extended))

    def _add(self, message: Message) -> None:
        names = snake_names(signal.name for signal in message.signals)
        layout = _layout(message, names)
        reader = layout.read if layout else _FrameByFrame(message, names).read
        self._readers[message.frame_id, message.is_extended_frame] = reader
        if layout and message.cycle_time and not message.is_extended_frame:
            self.cyclic.append(Cyclic(message.frame_id, message.cycle_time, layout))


class _FrameByFrame:
    """A message that cantools decodes frame by frame."""

    def __init__(self, message: Message, names: Mapping[str, str]) -> None:
        self._message = message
        self._signals = {each.name: _signal(names[each.name], each) for each in message.signals}

    def read(self, frames: Sequence[bytes]) -> Sequence[Outcome]:
        return list(map(self._read, frames))

    def _read(self, data: bytes) -> Outcome:
        try:
            raw = cast("dict[str, float]", self._message.decode_simple(data, **_LAYOUT_ONLY))
        except cantools.database.DecodeError as error:
            return UndecodableFrameError(str(error))
        if not raw:
            return UndecodableFrameError(f"{len(data)} bytes hold none of its signals whole")
        values = {self._signals[name].name: self._signals[name].value(value) for name, value in raw.items()}
        return Decoded(
            {name: value for name, value in values.items() if value is not None},
            [name for name, value in values.items() if value is None],
            len(data) < self._message.length,
        )


def _layout(message: Message, names: Mapping[str, str]) -> Layout | None:
    """Make the layout of a message; return None if that is not possible."""
    attributes = message.dbc.attributes if message.dbc else {}
    protection = Protection(int(attributes["CrcInit"].value)) if "CrcInit" in attributes else None
    try:
        if message.is_multiplexed():
            return None
        fields = [(_signal(names[each.name], each), _field(each)) for each in message.signals]
        # The signals of the protection are checked, and are no values of the car.
        values = [each for each in fields if not (protection and each[1].mask & MASK)]
        return Layout(values, message.length, protection)
    except ValueError:
        return None


def _field(definition: Definition) -> Field:
    order: Order = "little" if definition.byte_order == "little_endian" else "big"
    return Field(definition.start, definition.length, order, _kind(definition))


def _signal(name: str, definition: Definition) -> Signal:
    low, high = definition.minimum, definition.maximum
    return Signal(
        name,
        definition.length,
        _kind(definition),
        (definition.scale, definition.offset),
        None if low is None or high is None else (low, high),
    )


def _kind(definition: Definition) -> Kind:
    if definition.conversion.is_float:
        return "float"
    return "signed" if definition.is_signed else "unsigned"
