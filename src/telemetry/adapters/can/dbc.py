"""Entries of a DBC file. One odd thing in it costs itself, and not the file.

Two attributes of a message are used besides its signals. `GenMsgCycleTime` is a common one. `CrcInit` is
ours: the initial value of the checksum of a message that is protected as `telemetry.domain.can.protection`
says.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from telemetry.adapters.can import dbc_statements
from telemetry.adapters.can.dbc_statements import NUMBER, MessageStatement, SignalStatement, Statements
from telemetry.domain.can.entries import MessageEntry, Notes, SignalEntry

_EXTENDED: Final = 0x8000_0000
_HIGHEST_STANDARD: Final = 0x7FF
_HIGHEST_EXTENDED: Final = 0x1FFF_FFFF
_UNASSIGNED: Final = "VECTOR__INDEPENDENT_SIG_MSG"  # a place for signals that no message has
_FORMATS: Final = (
    "StandardCAN",
    "ExtendedCAN",
    "reserved",
    "J1939PG",
)  # of VFrameFormat, unless it lists its own
_FLOATS: Final = ("1", "2")  # single and double


def entries(text: str, notes: Notes) -> Sequence[MessageEntry]:
    """Read the entries of a DBC file from its text; add to `notes` what was mended or left out."""
    return list(_Reader(dbc_statements.read(text), notes).entries())


class _Reader:
    def __init__(self, statements: Statements, notes: Notes) -> None:
        self._statements = statements
        self._notes = notes

    def entries(self) -> Iterator[MessageEntry]:
        self._note("left out, not understood", self._statements.unread)
        signals = {
            (each.number, signal.name) for each in self._statements.messages for signal in each.signals
        }
        for what, named in (("VAL_", self._statements.states), ("SIG_VALTYPE_", self._statements.types)):
            gone = [f"{name} ({number})" for number, name in named if (number, name) not in signals]
            self._note(f"{what} left out, there is no such signal", gone)
        for message in self._statements.messages:
            if message.name != _UNASSIGNED and (address := self._address(message)):
                yield self._message(message, *address)

    def _note(self, what: str, which: Sequence[str]) -> None:
        if which:
            self._notes[what].extend(which)

    def _address(self, message: MessageStatement) -> tuple[int, bool] | None:
        """Return the id of a message, and whether it is extended; None if no frame can have it."""
        can_id, is_extended = message.number & ~_EXTENDED, bool(message.number & _EXTENDED)
        if can_id > _HIGHEST_EXTENDED:
            self._notes["left out, no frame has such an id"].append(f"{message.name} ({message.number})")
            return None
        if can_id > _HIGHEST_STANDARD and not is_extended:
            self._notes["taken as extended, the id has more than 11 bits"].append(
                f"{message.name} (0x{can_id:X})"
            )
            is_extended = True
        return can_id, is_extended

    def _message(self, message: MessageStatement, can_id: int, is_extended: bool) -> MessageEntry:  # noqa: FBT001  # as an id has it
        multiplexing = _Multiplexing(message, self._statements)
        return MessageEntry(
            message.name,
            can_id,
            is_extended,
            message.size,
            [self._signal(message, place, multiplexing) for place in range(len(message.signals))],
            _whole(self._attribute("GenMsgCycleTime", message.number)),
            # Its default is not that of the messages that are not protected.
            _whole(self._statements.attributes.get("CrcInit", {}).get((message.number, None))),
            is_j1939=self._format(message.number) == "J1939PG",
        )

    def _signal(self, message: MessageStatement, place: int, multiplexing: "_Multiplexing") -> SignalEntry:
        signal = message.signals[place]
        key = message.number, signal.name
        is_float = self._statements.types.get(key) in _FLOATS
        long_name = self._statements.attributes.get("SystemSignalLongSymbol", {}).get(key)
        return SignalEntry(
            long_name or signal.name,
            signal.start,
            signal.length,
            "little" if signal.order == "1" else "big",
            "float" if is_float else "signed" if signal.sign == "-" else "unsigned",
            (float(signal.scale), float(signal.offset)),
            _limits(signal),
            dict(self._statements.states.get(key, ())),
            *multiplexing.of(place),
        )

    def _attribute(self, attribute: str, number: int) -> str | None:
        own = self._statements.attributes.get(attribute, {}).get((number, None))
        return self._statements.defaults.get(attribute) if own is None else own

    def _format(self, number: int) -> str:
        """Return the format of a message: by its name, or by its place in the list of them."""
        value = self._attribute("VFrameFormat", number) or ""
        formats = self._statements.choices.get("VFrameFormat", _FORMATS)
        return formats[int(value)] if value.isdecimal() and int(value) < len(formats) else value


class _Multiplexing:
    """Which signals of a message are there when another has certain values."""

    def __init__(self, message: MessageStatement, statements: Statements) -> None:
        self._message = message
        self._statements = statements
        signals = message.signals
        self._multiplexers = [place for place, each in enumerate(signals) if each.marker.endswith("M")]
        self._places = {each.name: place for place, each in reversed([*enumerate(signals)])}

    def of(self, place: int) -> tuple[bool, int | None, tuple[range, ...]]:
        """Return whether a signal is multiplexed, by which one (None if it is not known), and its pages."""
        signal = self._message.signals[place]
        name, extended = self._statements.pages.get((self._message.number, signal.name), ("", []))
        number = signal.marker.strip("mM")
        is_marked = signal.marker.startswith("m") and (number or extended)
        if not is_marked or self._multiplexers == [place]:
            return False, None, ()
        own = (range(int(number), int(number) + 1),) if number else ()
        ranges = tuple(range(low, high + 1) for low, high in extended)
        if len(self._multiplexers) == 1:
            return True, self._multiplexers[0], own + ranges
        return True, self._places.get(name), ranges


def _limits(signal: SignalStatement) -> tuple[float, float] | None:
    """Return the range of a signal; [0|0], and what is no range, stand for none."""
    texts = signal.low.strip(), signal.high.strip()
    if not all(re.fullmatch(NUMBER, text) for text in texts):
        return None
    low, high = map(float, texts)
    return (low, high) if low <= high and (low or high) else None


def _whole(text: str | None) -> int | None:
    number = float(text) if text and re.fullmatch(NUMBER, text) else math.nan
    return round(number) if math.isfinite(number) else None
