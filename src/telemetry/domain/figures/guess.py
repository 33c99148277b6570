"""Read lines that are alike: records with the signals of the first, decoded into a type made for them.

Encoded again as MessagePack, where a number has always nine bytes, such records have one width if their ids
have one length. Then each field lies at one distance from the next, and is an array without a loop.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import Hour, parse_timestamps
from telemetry.domain.figures import columns, letters
from telemetry.domain.figures.columns import Columns, Floats, Int32s, Int64s, Sparse, Stream
from telemetry.domain.figures.letters import Letters

_FORM: Final = len("2025-10-19T12:34:56.123Z")
_FLOAT: Final = ">f8"

_BLOCK: Final = 1 << 22  # bytes

_encode: Final = msgspec.msgpack.Encoder().encode


class _Alike(msgspec.Struct, frozen=True, gc=False):
    """A record in the raw store, in the order in which its fields are encoded again."""

    timestamp: str
    ingest_received_at: str
    vehicle_id: str
    can_id: str
    payload: Any


class _Form(NamedTuple):
    """How a record is encoded: in `width` bytes, with its fields and its numbers at these places.

    In `heads` are the bytes before each text, by their place: they tell its length.
    """

    width: int
    places: Mapping[str, int]
    heads: Mapping[int, bytes]
    numbers: Sequence[int]


class _UnevenError(ValueError):
    """Records have another form than the first."""


def read(content: bytes, count: int, hour: Hour) -> Columns:
    """Read `count` lines. Raise one of `blame.FAULTS` if they are not alike, or not of this hour."""
    names = tuple(sorted(codec.decode_line(content[: content.index(b"\n")]).payload))
    found = Columns.concatenate(
        [part for some in _blocks(content) for part in _read_block(some, names, hour)]
    )
    if found.size != count:
        raise ValueError("a line has more than one record")
    return found


def _blocks(content: bytes) -> Iterator[bytes]:
    """Cut lines into blocks, so that not all records of a large object are there at once."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK) + 1 or len(content)
        yield content[start:end]
        start = end


def _read_block(content: bytes, names: tuple[str, ...], hour: Hour) -> Iterable[Columns]:
    records: list[_Alike] = _decoder(names)(content)
    try:
        return [_columns(records, names, hour)]
    except _UnevenError:
        by_lengths: defaultdict[tuple[int, int], list[_Alike]] = defaultdict(list)
        for record in records:
            by_lengths[len(record.vehicle_id), len(record.can_id)].append(record)
        return [_columns(alike, names, hour) for alike in by_lengths.values()]


def _columns(records: Sequence[_Alike], names: tuple[str, ...], hour: Hour) -> Columns:
    table = _Table(records, _form(len(records[0].vehicle_id), len(records[0].can_id), names))
    offsets = columns.offsets_of(_moments(table.text("timestamp", _FORM)), hour)
    received = _moments(table.text("ingest_received_at", _FORM))
    dense = np.empty((len(names), len(records)))
    for row, place in zip(dense, table.form.numbers, strict=True):
        np.add(table.numbers(place), 0.0, out=row)  # which makes -0.0 and 0.0, which are equal, one value
    streams, stream = _streams(records, table)
    return Columns(streams, stream, offsets, received, names, dense, (), Sparse.concatenate([]))


def _streams(records: Sequence[_Alike], table: "_Table") -> tuple[Sequence[Stream], Int32s]:
    vehicle_id, can_id = records[0].vehicle_id, records[0].can_id
    ids = [table.text("vehicle_id", len(vehicle_id)), table.text("can_id", len(can_id))]
    firsts, place = letters.number(np.concatenate(ids, axis=1))
    streams = [(records[first].vehicle_id, records[first].can_id) for first in firsts.tolist()]
    order = sorted(range(len(streams)), key=streams.__getitem__)
    moved = np.empty(len(order), np.int32)
    moved[order] = np.arange(len(order), dtype=np.int32)
    return [streams[each] for each in order], moved[place]


def _moments(texts: Letters) -> Int64s:
    """Parse timestamps; one that is repeated is parsed once."""
    firsts, times = letters.runs(texts)
    return np.repeat(parse_timestamps(texts[firsts]), times)


class _Table:
    """Records that were encoded again. Raise _UnevenError if they have not this form."""

    def __init__(self, records: Sequence[_Alike], form: _Form) -> None:
        self.form = form
        self._count = len(records)
        self._encoded = _encode(records)
        self._start = len(self._encoded) - form.width * self._count
        if self._start != _head_size(self._count):
            raise _UnevenError("they are not of one width")
        for place, head in form.heads.items():
            # Where all heads are as they should be, each record ends where the next one begins.
            if (self._letters(place, len(head)) != np.frombuffer(head, np.uint8)).any():
                raise _UnevenError("their ids are not of one length")

    def text(self, field: str, length: int) -> Letters:
        return self._letters(self.form.places[field], length)

    def numbers(self, place: int) -> Floats:
        return np.ndarray(self._count, _FLOAT, self._encoded, self._start + place, (self.form.width,))

    def _letters(self, place: int, length: int) -> Letters:
        strides = (self.form.width, 1)
        return np.ndarray((self._count, length), np.uint8, self._encoded, self._start + place, strides)


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
    return _Form(place, places, heads, numbers)


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
