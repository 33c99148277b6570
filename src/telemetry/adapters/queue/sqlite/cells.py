"""The rows of tables on the pages of a SQLite file, as far as each can be read by itself.

A leaf of a table begins with the byte 13 and lists where its cells are. A cell is the length of its record,
the number of the row, and the record; of a long record the rest is on a chain of other pages. The format is
that of https://sqlite.org/fileformat.html.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from telemetry.adapters.queue.sqlite.pages import Pages

Value = int | bytes | None
"""A column of a record: a number, bytes, which are also those of a text, or nothing."""

_LEAF: Final = 13
_HEAD_OF_FILE: Final = 100
_FIRST_FREE: Final = 32
"""Where the head of a file names the first page that lists free pages."""
_MOST_COLUMNS: Final = 16
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer, by its type in a record."""
_ZERO, _ONE, _FIRST_BLOB = 8, 9, 12


class Cell(NamedTuple):
    """A row: its number, how long its record is, what of it is on its leaf, and which page has the rest."""

    number: int
    length: int
    local: bytes
    rest: int


def leaves(pages: Pages) -> Iterator[Sequence[Cell]]:
    """Yield the cells of each leaf of a table that is in use, in no order."""
    free = _free(pages)
    for number in pages:
        page = pages.read(number)
        start = _HEAD_OF_FILE if number == 1 else 0
        if number not in free and len(page) == pages.size and page[start] == _LEAF:
            yield list(_cells(page, start))


def whole(pages: Pages, cell: Cell) -> bytes:
    """Return the record of a cell, or as much of it as can be read."""
    parts, left, number = [cell.local], cell.length - len(cell.local), cell.rest
    while left > 0 and 0 < number <= pages.count:
        page = pages.read(number)
        number = int.from_bytes(page[:4], "big")
        left -= len(page) - 4
        if (number == 0) != (left <= 0):
            break  # the chain ends where the record does, or else this page is another one
        parts.append(page[4 : len(page) + min(left, 0)])
    return b"".join(parts)


def types_of(record: bytes) -> tuple[Sequence[int], int]:
    """Return the types of a record's columns, and where its values begin. Raise ValueError if it is none."""
    end, place = _varint(record, 0)
    types: list[int] = []
    while place < end <= len(record) and len(types) < _MOST_COLUMNS:
        kind, place = _varint(record, place)
        types.append(kind)
    if place != end:
        raise ValueError("It is no record.")
    return types, place


def values_of(record: bytes) -> Sequence[Value]:
    """Return the columns of a whole record. Raise ValueError if it is none."""
    types, place = types_of(record)
    values: list[Value] = []
    for kind in types:
        size = size_of(kind)
        data = record[place : place + size]
        place += size
        values.append(_value(kind, data))
    if place != len(record):
        raise ValueError("It is no record.")
    return values


def size_of(kind: int) -> int:
    """Return how many bytes a value of a type takes."""
    return (kind - _FIRST_BLOB) // 2 if kind >= _FIRST_BLOB else _INTEGERS.get(kind, 0)


def _value(kind: int, data: bytes) -> Value:
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    return data if kind >= _FIRST_BLOB else {_ZERO: 0, _ONE: 1}.get(kind)


def _free(pages: Pages) -> set[int]:
    """Return the pages that are in no tree any more, as far as their list can be read."""
    free: set[int] = set()
    trunk = int.from_bytes(pages.read(1)[_FIRST_FREE : _FIRST_FREE + 4], "big")
    while 0 < trunk <= pages.count and trunk not in free:
        page = pages.read(trunk)
        free.add(trunk)
        count = int.from_bytes(page[4:8], "big")
        if count > len(page) // 4 - 2:
            break  # it is damaged
        free |= {int.from_bytes(page[place : place + 4], "big") for place in range(8, 8 + 4 * count, 4)}
        trunk = int.from_bytes(page[:4], "big")
    return free


def _cells(page: bytes, start: int) -> Iterator[Cell]:
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    first, last = start + 8, start + 8 + 2 * count
    for place in range(first, min(last, len(page) - 1), 2):
        offset = int.from_bytes(page[place : place + 2], "big")
        if last <= offset < len(page):
            try:
                yield _cell(page, offset)
            except IndexError:  # it would end behind its page
                continue


def _cell(page: bytes, offset: int) -> Cell:
    length, place = _varint(page, offset)
    number, place = _varint(page, place)
    local = _local(length, len(page))
    end = place + local
    if end + 4 * (local < length) > len(page):
        raise IndexError
    rest = int.from_bytes(page[end : end + 4], "big") if local < length else 0
    return Cell(number, length, page[place:end], rest)


def _local(length: int, size: int) -> int:
    """Return how many bytes of a record are on its leaf."""
    if length <= size - 35:
        return length
    least = (size - 12) * 32 // 255 - 23
    local = least + (length - least) % (size - 4)
    return local if local <= size - 35 else least


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return an integer of one to nine bytes, and where it ends. Raise IndexError beyond the data."""
    value = 0
    for step in range(8):
        byte = data[place + step]
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, place + step + 1
    return value << 8 | data[place + 8], place + 9
