"""Read lines that are alike: records with the signals of the first, decoded into a type made for them.

Encoded again as MessagePack, where a number has always nine bytes, such records have one width if their ids
have one length. Then each field lies at one distance from the next, and is an array without a loop.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import Hour, parse_timestamps
from telemetry.domain.figures import columns, letters
from telemetry.domain.figures.columns import Columns, Floats, Int32s, Int64s, Sparse, Stream
from telemetry.domain.figures.letters import Letters

_FORM: Final = len("2025-10-19T12:34:56.123Z")
_FLOAT: Final = ">f8"

_BLOCK: Final = 1 << 18  # bytes
_MANY: Final = 500  # timestamps, from which on it pays to look for repeated ones

_encode: Final = msgspec.msgpack.Encoder().encode


class _Alike(msgspec.Struct, frozen=True, gc=False):
    """A record in the raw store, in the order in which its fields are encoded again."""

    timestamp: str
    ingest_received_at: str
    vehicle_id: str
    can_id: str
    payload: Any


class _Form(msgspec.Struct, frozen=True, eq=False):
    """How a record is encoded: in `width` bytes, with its fields and its numbers at these places.

    In `heads` are the bytes before each text, by their place: they tell its length.
    """

    names: tuple[str, ...]
    width: int
    places: Mapping[str, int]
    lengths: Mapping[str, int]
    heads: Mapping[int, bytes]
    numbers: Sequence[int]


class _UnevenError(ValueError):
    """Records have another form than the first."""


def read(content: bytes, count: int, hour: Hour) -> Columns:
    """Read `count` lines. Raise one of `blame.FAULTS` if they are not alike, or not of this hour."""
    names = tuple(sorted(codec.decode_line(content[: content.index(b"\n")]).payload))
    rows: defaultdict[_Form, list[bytes]] = defaultdict(list)
    for block in _blocks(content):
        for form, some in _encoded(_decoder(names)(block), names):
            rows[form].append(some)
    found = Columns.concatenate([_columns(_Table(form, b"".join(some)), hour) for form, some in rows.items()])
    if found.size != count:
        raise ValueError("a line has more than one record")
    return found


def _blocks(content: bytes) -> Iterator[bytes]:
    """Cut lines into blocks, each of which fits into the cache of a core when it is decoded."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK) + 1 or len(content)
        yield content[start:end]
        start = end


def _encoded(records: Sequence[_Alike], names: tuple[str, ...]) -> Iterable[tuple[_Form, bytes]]:
    """Encode records again; those that have not the form of the first, by the lengths of their ids."""
    try:
        return [_rows(records, names)]
    except _UnevenError:
        by_lengths: defaultdict[tuple[int, int], list[_Alike]] = defaultdict(list)
        for record in records:
            by_lengths[len(record.vehicle_id), len(record.can_id)].append(record)
        return [_rows(alike, names) for alike in by_lengths.values()]


def _rows(records: Sequence[_Alike], names: tuple[str, ...]) -> tuple[_Form, bytes]:
    """Encode records that are alike. Raise _UnevenError if they are not."""
    form = _form(len(records[0].vehicle_id), len(records[0].can_id), names)
    encoded = _encode(records)
    rows = encoded[len(encoded) - form.width * len(records) :]
    if len(encoded) - len(rows) != _head_size(len(records)):
        raise _UnevenError("they are not of one width")
    table = _Table(form, rows)
    for place, head in form.heads.items():
        # Where all heads are as they should be, each record ends where the next one begins.
        if (table.letters(place, len(head)) != np.frombuffer(head, np.uint8)).any():
            raise _UnevenError("their ids are not of one length")
    return form, rows


def _columns(table: "_Table", hour: Hour) -> Columns:
    offsets = columns.offsets_of(_moments(table.text("timestamp")), hour)
    received = _moments(table.text("ingest_received_at"))
    dense = np.empty((len(table.form.names), table.count))
    for row, place in zip(dense, table.form.numbers, strict=True):
        np.add(table.numbers(place), 0.0, out=row)  # which makes -0.0 and 0.0, which are equal, one value
    streams, stream = _streams(table)
    nothing = Sparse.concatenate([])
    return Columns(streams, stream, offsets, received, table.form.names, dense, (), nothing)


def _streams(table: "_Table") -> tuple[Sequence[Stream], Int32s]:
    ids = [table.text("vehicle_id"), table.text("can_id")]
    firsts, place = letters.number(np.concatenate(ids, axis=1))
    vehicle_ids, can_ids = ([row.tobytes().decode() for row in each[firsts]] for each in ids)
    streams = list(zip(vehicle_ids, can_ids, strict=True))
    order = sorted(range(len(streams)), key=streams.__getitem__)
    moved = np.empty(len(order), np.int32)
    moved[order] = np.arange(len(order), dtype=np.int32)
    return [streams[each] for each in order], moved[place]


def _moments(texts: Letters) -> Int64s:
    """Parse timestamps; of many, one that is repeated is parsed once."""
    if len(texts) < _MANY:
        return parse_timestamps(texts)
    firsts, times = letters.runs(texts)
    return np.repeat(parse_timestamps(texts[firsts]), times)


class _Table:
    """Records that were encoded again, a row each."""

    def __init__(self, form: _Form, rows: bytes) -> None:
        self.form = form
        self.count = len(rows) // form.width
        self._rows = rows

    def text(self, field: str) -> Letters:
        return self.letters(self.form.places[field], self.form.lengths[field])

    def numbers(self, place: int) -> Floats:
        return np.ndarray(self.count, _FLOAT, self._rows, place, (self.form.width,))

    def letters(self, place: int, length: int) -> Letters:
        return np.ndarray((self.count, length), np.uint8, self._rows, place, (self.form.width, 1))


@lru_cache(maxsize=256)
def _form(vehicle_id: int, can_id: int, names: tuple[str, ...]) -> _Form:
    """Find out how records with ids of these lengths are encoded, from an example."""
    texts = {"timestamp": _FORM, "ingest_received_at": _FORM, "vehicle_id": vehicle_id, "can_id": can_id}
    places: dict[str, int] = {}
    heads: dict[int, bytes] = {}
    place = 1
    for field, length in texts.items():
        place += len(_encode(field))
        head = _encode(" " * length)[: -length or None]
        heads[place] = head
        place += len(head)
        places[field] = place
        place += length
    place += len(_encode("payload")) + len(_encode(dict.fromkeys(names))) - len(names)
    place -= sum(len(_encode(name)) for name in names)
    numbers = []
    for name in names:
        place += len(_encode(name)) + 1
        numbers.append(place)
        place += np.dtype(_FLOAT).itemsize
    return _Form(names, place, places, texts, heads, numbers)


def _head_size(count: int) -> int:
    """Return how many bytes stand before `count` values of an array."""
    return len(_encode([None] * count)) - count


@lru_cache(maxsize=64)
def _decoder(names: tuple[str, ...]) -> Callable[[bytes], list[Any]]:
    """Make a decoder of lines whose records have these signals, or some of them."""
    fields = [
        (f"signal_{number}", float, msgspec.field(default=float("nan"), name=name))
        for number, name in enumerate(names)
    ]
    payload = msgspec.defstruct("Payload", fields, frozen=True, gc=False, forbid_unknown_fields=True)
    record = msgspec.defstruct("Record", [("payload", payload)], bases=(_Alike,), frozen=True, gc=False)
    return msgspec.json.Decoder(record).decode_lines
