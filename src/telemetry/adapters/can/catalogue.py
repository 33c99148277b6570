"""Definitions of frames in a file: DBC, KCD, SYM or ARXML, which is found by what is in it."""

import re
from pathlib import Path
from typing import Final

from telemetry.adapters.can import dbc, exchange
from telemetry.domain.can import compiling
from telemetry.domain.can.definitions import Catalogue
from telemetry.domain.can.entries import Notes
from telemetry.domain.can.frame import UnreadableError

BMW_I3: Final = Path(__file__).parents[2] / "data" / "bmw_i3.dbc"
"""The definitions that come with the package."""

_SYM: Final = re.compile(r"^\s*FormatVersion\s*=", re.MULTILINE)
_WHY: Final = 200  # characters of a reason
_HEAD: Final = 4096  # characters in which a file says what it is


def read(path: Path = BMW_I3, network: str = "") -> Catalogue:
    """Read a file, or of a KCD or ARXML file of several buses the one that is called `network`.

    Raise OSError if that is not possible. Raise UnreadableError if it defines no signal, has no such bus, or
    is of no known kind.
    """
    text = _decoded(path.read_bytes())
    notes = Notes(list)
    kind = _kind(path, text)
    try:
        is_dbc = kind == "DBC"
        entries = dbc.entries(text, notes) if is_dbc else exchange.entries(text, kind, notes, network)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UnreadableError(f"{path}: it cannot be read as {kind}: {reason}") from error
    if kind == "DBC" and network:
        raise UnreadableError(f"{path}: a DBC file is of one bus, and none in it is called {network}")
    if kind == "DBC" and not entries:
        raise UnreadableError(f"{path}: it is no DBC file: no message (BO_) is in it")
    catalogue = compiling.catalogue(entries, notes)
    if not catalogue.definitions:
        why = "; ".join(f"{what}: {', '.join(which)}" for what, which in notes.items())
        reason = f"no signal of it can be decoded: {why[:_WHY]}" if why else "it defines no signal"
        raise UnreadableError(f"{path}: {reason}")
    return catalogue


def _decoded(data: bytes) -> str:
    """Return the text of a file, which names no encoding: UTF-8, or that of older tools."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _kind(path: Path, text: str) -> str:
    head = text[:_HEAD].lstrip()
    if head.startswith("<"):
        for kind, sign in (("KCD", "NetworkDefinition"), ("ARXML", "AUTOSAR")):
            if sign in head:
                return kind
        raise UnreadableError(f"{path}: it is XML, but neither KCD nor ARXML; convert it to DBC")
    return "SYM" if _SYM.search(head) else "DBC"
