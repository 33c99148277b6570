"""A message of a DBC file, and a reader of its frames that goes bit by bit and shares no code with ours."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple


class Drawn(NamedTuple):
    """A signal; it is there if signal number `parent` has one of the raw values `pages`, or has no parent."""

    name: str
    start: int
    length: int
    is_big: bool
    kind: str
    scale: str
    offset: str
    has_range: bool
    marker: str = ""
    parent: int | None = None
    pages: Sequence[int] = ()

    def line(self) -> str:
        marker = f" {self.marker}" if self.marker else ""
        limits = "[-1E40|1E40]" if self.has_range else "[0|0]"
        sign = "-" if self.kind == "signed" else "+"
        place = f"{self.start}|{self.length}@{0 if self.is_big else 1}{sign}"
        return f' SG_ {self.name}{marker} : {place} ({self.scale},{self.offset}) {limits} "" Vector__XXX'


def text(size: int, signals: Sequence[Drawn]) -> str:
    """Write a DBC file of one message with the id 256."""
    lines = [
        'VERSION ""',
        "",
        "NS_ :",
        "",
        "BS_:",
        "",
        "BU_: Vector__XXX",
        "",
        f"BO_ 256 M: {size} Vector__XXX",
    ]
    lines += [signal.line() for signal in signals]
    lines += [
        f"SIG_VALTYPE_ 256 {signal.name} : {1 if signal.length == 32 else 2};"
        for signal in signals
        if signal.kind == "float"
    ]
    lines += [
        f"SG_MUL_VAL_ 256 {signal.name} {signals[signal.parent].name} "
        f"{', '.join(f'{page}-{page}' for page in signal.pages)};"
        for signal in signals
        if signal.parent is not None and len([each for each in signals if each.marker.endswith("M")]) > 1
    ]
    return "\n".join([*lines, ""])


def read(signals: Sequence[Drawn], frame: bytes) -> Mapping[int, float]:
    """Return the raw values of the signals that are in a frame, by their places."""
    raws = {place: _raw(signal, frame) for place, signal in enumerate(signals)}

    def is_there(signal: Drawn) -> bool:
        if signal.parent is None:
            return True
        return raws[signal.parent] in signal.pages and is_there(signals[signal.parent])

    return {place: raw for place, raw in raws.items() if is_there(signals[place])}


def are_apart(signals: Sequence[Drawn], frame: bytes) -> bool:
    """Return whether no two of the signals that are in a frame share a bit."""
    used = [place for each in read(signals, frame) for place in _places(signals[each])]
    return len(set(used)) == len(used)


def scaled(signal: Drawn, raw: float) -> float:
    """Return the value of a raw value, as the decimal numbers of the file say."""
    if signal.kind == "float":
        return raw * float(signal.scale) + float(signal.offset)
    with localcontext() as context:
        context.prec = 100
        return float(int(raw) * Decimal(signal.scale) + Decimal(signal.offset))


def _raw(signal: Drawn, frame: bytes) -> float:
    number = 0
    for place in _places(signal):
        number = number << 1 | frame[place // 8] >> place % 8 & 1
    if signal.kind == "float":
        code, size = (">f", 4) if signal.length == 32 else (">d", 8)
        (value,) = struct.unpack(code, number.to_bytes(size, "big"))
        return float(value)
    is_negative = signal.kind == "signed" and number >> (signal.length - 1)
    return number - (1 << signal.length) if is_negative else number


def _places(signal: Drawn) -> Iterator[int]:
    """Yield where the bits of a signal are, the highest first; bit 8 is the lowest one of the second byte."""
    place = signal.start if signal.is_big else signal.start + signal.length - 1
    for _ in range(signal.length):
        yield place
        place += 15 if signal.is_big and place % 8 == 0 else -1
