"""Entries of KCD, SYM and ARXML files, which cantools reads."""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import cantools
from cantools.database import Database
from cantools.database.can import Message, Signal

from telemetry.adapters.can import pieces
from telemetry.adapters.can.salvage import Salvage
from telemetry.domain.can.bits import Kind
from telemetry.domain.can.entries import MessageEntry, Notes, SignalEntry

# What cantools writes to the log is noted here too.
logging.getLogger("cantools").setLevel(logging.ERROR)

_ADDERS: Final[Mapping[str, Callable[[Database, str], None]]] = {
    "KCD": Database.add_kcd_string,
    "SYM": Database.add_sym_string,
    "ARXML": Database.add_arxml_string,
}


def entries(text: str, kind: str, notes: Notes, network: str = "") -> Sequence[MessageEntry]:
    """Read the entries of a file from its text; add to `notes` what was left out.

    Of a file of several buses those of `network` are read, or all. Raise ValueError if there is no such bus,
    or saying what cantools does not understand outside of messages.
    """
    try:
        database = _parse(text, kind)
    except ValueError:
        document = pieces.SymDocument(text) if kind == "SYM" else pieces.XmlDocument(text)
        database = Salvage(document, lambda part: _parse(part, kind)).read(notes)
    names = list(dict.fromkeys(each.bus_name for each in database.messages if each.bus_name))
    if network and network not in names:
        raise ValueError(f"it has no bus {network}; those that it has: {', '.join(names) or 'none by name'}")
    if len(names) > 1 and not network:
        notes["of several buses, all are read; #NAME after the file chooses one"].extend(names)
    chosen = (each for each in database.messages if not network or each.bus_name == network)
    return list(_messages(chosen, notes))


def _parse(text: str, kind: str) -> Database:
    database = cantools.database.Database(strict=False)  # signals may share bits
    try:
        _ADDERS[kind](database, text)
    except Exception as error:  # the parsers' errors are of many kinds
        raise ValueError(str(error) or type(error).__name__) from error
    return database


def _messages(messages: Iterable[Message], notes: Notes) -> Iterator[MessageEntry]:
    for message in messages:
        if message.is_container:
            notes["left out, it holds other messages"].append(message.name)
            continue
        yield MessageEntry(
            message.name,
            message.frame_id,
            message.is_extended_frame,
            message.length,
            [_signal(message, signal) for signal in message.signals],
            round(message.cycle_time) if message.cycle_time else None,
            is_j1939=message.protocol == "j1939",
        )


def _signal(message: Message, signal: Signal) -> SignalEntry:
    low = -math.inf if signal.minimum is None else signal.minimum
    high = math.inf if signal.maximum is None else signal.maximum
    places = {each.name: place for place, each in reversed([*enumerate(message.signals)])}
    return SignalEntry(
        signal.name,
        signal.start,
        signal.length,
        "little" if signal.byte_order == "little_endian" else "big",
        _kind(signal),
        (signal.scale, signal.offset),
        (low, high) if low > -math.inf or high < math.inf else None,
        {raw: str(name) for raw, name in (signal.choices or {}).items()},
        signal.multiplexer_signal is not None,
        places.get(signal.multiplexer_signal or ""),
        tuple(range(page, page + 1) for page in signal.multiplexer_ids or ()),
    )


def _kind(signal: Signal) -> Kind:
    if signal.conversion.is_float:
        return "float"
    return "signed" if signal.is_signed else "unsigned"
