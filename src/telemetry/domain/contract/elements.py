"""The elements of a body of which something is not JSON, each apart from the others.

An array is cut at the commas between its elements. A line is an element; lines that are no JSON object by
themselves are joined where they begin one and end it, as a record does that is written over several lines.
The work is linear in the size of a body, and more elements than the caller allows are found before any of
them is decoded into a type.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from telemetry.domain.contract.blame import FAULTS, UNDECODABLE
from telemetry.domain.contract.record import RequestRecord
from telemetry.domain.errors import TelemetryError

Element = bytes | msgspec.Raw

_SPACE: Final = b" \t\r\n"
_QUOTE, _COMMA = b'",'
_STEP: Final = np.zeros(256, np.int8)  # into a bracket or out of it, by byte
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1
_CHUNK: Final = 256 * 1024  # bytes that are looked at together, so that a large body takes little memory

_MOST_LINES: Final = 200_000  # of a body; a record that is written over several lines has about 15
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b'"[]{}'))

_LONGEST_RECORD: Final = 64 * 1024  # bytes; one of 512 signals with long names has three quarters
_NEXT_OBJECT: Final = re.compile(rb",[ \t\r\n]*+(?=\{)")

_decode: Final = msgspec.json.Decoder(msgspec.Raw).decode
_decode_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_beginning: Final = json.JSONDecoder().raw_decode
_decode_record: Final = msgspec.json.Decoder(RequestRecord).decode


class TooManyRecordsError(TelemetryError, ValueError):
    """The body holds more records than the caller allows; none of them was taken."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The body holds more records than the limit of {most}. Send them in several bodies."
        )


def of_array(body: bytes, most: int) -> Sequence[Element]:
    """Return the elements of a body that begins as a JSON array.

    Raise TooManyRecordsError beyond `most`, and one of `blame.UNDECODABLE` if its quotes, brackets and commas
    do not show where elements end, or if none of the elements is JSON.
    """
    if body.count(b",") >= most:
        _cut(body, most)
    try:
        return _decode_array(body)
    except UNDECODABLE:
        elements = _cut(body, most)
        damaged = [element for element in elements if not _is_json(element)]
        if len(damaged) == len(elements) or any(map(_hides_record, damaged)):
            raise
        return elements


def of_lines(body: bytes, most: int) -> Sequence[bytes]:
    """Return the elements of newline-delimited JSON; blank lines are none.

    Raise TooManyRecordsError beyond `most`.
    """
    if body.count(b"\n") > max(_MOST_LINES, most):
        raise TooManyRecordsError(most)
    elements: list[bytes] = []
    begun: list[bytes] = []  # the lines of an object that has not ended
    depth = 0
    for line in body.split(b"\n"):
        if not line or line.isspace():
            continue
        if is_object(line):
            elements += [*begun, line]
            begun, depth = [], 0
            continue
        if line.startswith(b"{"):  # so begins a record, while what is inside one is indented
            elements += begun
            begun, depth = [], 0
        if not begun and not _begins_object(line):
            elements.append(line)
            continue
        begun.append(line)
        depth += _rise(line)
        if depth <= 0:
            elements.append(b"\n".join(begun))
            begun, depth = [], 0
    elements += begun
    if len(elements) > most:
        raise TooManyRecordsError(most)
    return elements


def is_object(element: bytes) -> bool:
    """Return whether this is a JSON object."""
    return _begins_object(element) and _is_json(element)


def _begins_object(element: bytes) -> bool:
    return element.lstrip(_SPACE).startswith(b"{")


def _is_json(element: Element) -> bool:
    try:
        _decode(element)
    except UNDECODABLE:
        return False
    return True


def _hides_record(element: bytes) -> bool:
    """Return whether a whole record is inside an element that is not JSON.

    So it is where two elements lack a quote or a bracket each, and what is between them seems to be a part of
    one.
    """
    return any(map(_begins_with_record, _NEXT_OBJECT.split(element)[1:]))


def _begins_with_record(text: bytes) -> bool:
    try:
        _, end = _decode_beginning(text[:_LONGEST_RECORD].decode("latin-1"))  # in which a character is a byte
        _decode_record(text[:end])
    except FAULTS:
        return False
    return True


def _rise(line: bytes) -> int:
    """Return how many brackets more a line opens than it closes; what is inside a string is none."""
    marks = _without_escapes(line).translate(None, _NO_STRUCTURE).replace(b'""', b"")
    bare = b"".join(marks.split(b'"')[::2])  # every other piece is inside a string
    return bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")


def _without_escapes(text: bytes) -> bytes:
    """Blank escaped backslashes and quotes, so that every quote begins a string or ends one."""
    return text.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")


def _cut(body: bytes, most: int) -> Sequence[bytes]:
    """Cut an array at the commas between its elements; return none if quotes, brackets and commas do not fit.

    Raise TooManyRecordsError beyond `most`.
    """
    whole = body.strip(_SPACE)
    if not whole.endswith(b"]"):
        return []
    inner = whole[1:-1]
    plain = _without_escapes(inner)
    commas: list[int] = []
    depth = in_string = 0
    for start in range(0, len(plain), _CHUNK):
        chunk = np.frombuffer(plain[start : start + _CHUNK], np.uint8)
        strings = (np.cumsum(chunk == _QUOTE, dtype=np.uint8) + in_string) & 1
        depths = np.cumsum(np.where(strings, 0, _STEP[chunk]), dtype=np.int64) + depth
        if depths.min() < 0:
            return []
        found = np.flatnonzero((chunk == _COMMA) & (strings == 0) & (depths == 0)) + start
        if len(commas) + len(found) >= most:
            raise TooManyRecordsError(most)
        commas += found.tolist()
        depth, in_string = int(depths[-1]), int(strings[-1])
    if depth or in_string:
        return []
    elements = [
        inner[start + 1 : end] for start, end in zip([-1, *commas], [*commas, len(inner)], strict=True)
    ]
    return elements if elements[-1].strip(_SPACE) else []
