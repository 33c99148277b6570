"""Definitions of frames in a DBC file: cantools takes the raw values out of a frame, the domain says what they mean."""

from pathlib import Path
from typing import Final, cast

import cantools
from cantools.database.can import Message
from cantools.database.can import Signal as Definition

from telemetry.domain.frame import (
    Decoded,
    Frame,
    Kind,
    Signal,
    UndecodableFrameError,
    UnreadableError,
    snake_names,
)

_LAYOUT_ONLY: Final = {
    "decode_choices": False,  # a payload holds numbers, not the names of states
    "scaling": False,
    # Of a frame that is shorter than its definition, cantools gives the signals that lie in it whole, with the values
    # that they would have in the full frame, and leaves out the others. So nothing is guessed, and all of it can land.
    "allow_truncated": True,
    "allow_excess": True,  # a longer frame holds every signal where it is defined
}


class Dbc:
    """The definitions in one file, by CAN id; one that names no signal does not count.

    Raises UnreadableError if the file is no DBC, or two signals of a frame would get one name; OSError.
    """

    def __init__(self, path: Path) -> None:
        database = cantools.database.Database(strict=False)  # real files have signals that overlap
        try:
            database.add_dbc_file(str(path))
        except OSError:
            raise
        except Exception as error:  # the parser's errors are of many kinds
            raise UnreadableError(f"{path}: it is no DBC file: {error}") from error
        try:
            self._layouts = {
                (message.frame_id, message.is_extended_frame): _Layout(message)
                for message in database.messages
                if message.signals
            }
        except ValueError as error:
            raise UnreadableError(f"{path}: {error}") from error

    def decode(self, frame: Frame) -> Decoded | None:
        """Decode a frame; None if there is no definition of it. Raises UndecodableFrameError if it does not fit."""
        layout = self._layouts.get((frame.can_id, frame.is_extended))
        return layout.decode(frame.data) if layout else None


class _Layout:
    """One frame's definition."""

    def __init__(self, message: Message) -> None:
        self._message = message
        try:
            names = snake_names(signal.name for signal in message.signals)
        except ValueError as error:
            raise ValueError(f"in {message.name}, {error}") from error
        self._signals = {each.name: _signal(names[each.name], each) for each in message.signals}

    def decode(self, data: bytes) -> Decoded:
        try:
            raw = cast("dict[str, float]", self._message.decode_simple(data, **_LAYOUT_ONLY))
        except cantools.database.DecodeError as error:
            raise UndecodableFrameError(str(error)) from error
        if not raw:
            raise UndecodableFrameError(f"{len(data)} bytes hold none of its signals whole")
        values = {self._signals[name].name: self._signals[name].value(value) for name, value in raw.items()}
        return Decoded(
            {name: value for name, value in values.items() if value is not None},
            [name for name, value in values.items() if value is None],
            len(data) < self._message.length,
        )


def _signal(name: str, definition: Definition) -> Signal:
    low, high = definition.minimum, definition.maximum
    kind: Kind = "unsigned"
    if definition.conversion.is_float:
        kind = "float"
    elif definition.is_signed:
        kind = "signed"
    return Signal(
        name,
        definition.length,
        kind,
        (definition.scale, definition.offset),
        None if low is None or high is None else (low, high),
    )
