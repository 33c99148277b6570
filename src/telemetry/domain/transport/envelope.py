"""What travels as one queue message: either many validated lines sealed together, or one bare v1 message.

The receiver parses a record once. From there on it is a line among others of its partition, and whoever comes later
moves lines without looking into them. An envelope is

    4 bytes   magic, `TLE1`
    4 bytes   length of the head, little-endian
    4 bytes   CRC-32 of the head, little-endian
    head      JSON: the partition of all lines, their count, their size in bytes
    rest      one zstd frame: timestamps (count x int64 LE, epoch ms), times of receipt (the same), the lines

so that its head can be read without opening it, and its latencies be measured without parsing a line. The two
checksums, of the head and of the frame, tell whether it came whole. A body that opens with `{` is one v1 message of any foreign producer.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from zlib import crc32

import msgspec
import numpy as np

from telemetry.domain.contract import compression, message, partition, spelling
from telemetry.domain.contract.message import Record
from telemetry.domain.contract.moment import Milliseconds
from telemetry.domain.contract.partition import Partition, Policy
from telemetry.domain.transport import batch

MAX_CONTENT: Final = 16 * 1024 * 1024
"""Bytes of content beyond which no envelope is opened; the receiver seals far fewer."""

_MAGIC: Final = b"TLE1"
_FRAMING: Final = struct.Struct("<II")
_START_OF_HEAD: Final = len(_MAGIC) + _FRAMING.size
_TIME: Final = np.dtype("<i8")


class UndecodableError(ValueError):
    """A queue body that is neither a whole envelope nor a valid v1 message; its text says why."""


class Parcel(msgspec.Struct, frozen=True, eq=False):
    """Lines of one partition, with their times as arrays of epoch milliseconds, an entry a line."""

    partition: Partition
    timestamps: Milliseconds
    received: Milliseconds
    lines: bytes

    @property
    def count(self) -> int:
        return len(self.timestamps)

    @property
    def size(self) -> int:
        """Bytes that it brings into an envelope, before compression."""
        return 2 * _TIME.itemsize * self.count + len(self.lines)


class _Head(msgspec.Struct, frozen=True):
    partition: str
    count: int
    size: int


_encode_head: Final = msgspec.json.Encoder().encode
_decode_head: Final = msgspec.json.Decoder(_Head).decode


def wrap(partition: Partition, records: Sequence[Record]) -> Parcel:
    """Make a parcel of records that all belong to `partition`."""
    return Parcel(
        partition,
        np.array([record.timestamp for record in records], _TIME),
        np.array([record.received for record in records], _TIME),
        spelling.encode(records),
    )


def room(max_body: int) -> int:
    """How many bytes of parcels surely fit into a body of `max_body` bytes, even if they do not compress."""
    return max_body - max_body // 128 - 1024


def bundle(parcels: Iterable[Parcel], limit: int) -> Iterator[Sequence[Parcel]]:
    """Sort parcels into bundles of one partition and at most `limit` bytes each, keeping their order."""
    by_partition: defaultdict[Partition, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        by_partition[parcel.partition].append(parcel)
    for members in by_partition.values():
        for run in batch.runs([parcel.size for parcel in members], limit):
            yield members[run]


def seal(parcels: Sequence[Parcel]) -> bytes:
    """Put parcels of one partition into an envelope."""
    content = b"".join(
        [
            *(parcel.timestamps.tobytes() for parcel in parcels),
            *(parcel.received.tobytes() for parcel in parcels),
            *(parcel.lines for parcel in parcels),
        ]
    )
    count = sum(parcel.count for parcel in parcels)
    head = _encode_head(_Head(parcels[0].partition.path, count, len(content)))
    return b"".join((_MAGIC, _FRAMING.pack(len(head), crc32(head)), head, compression.squeeze(content)))


def unpack(body: bytes, sent: int, policy: Policy) -> Parcel:
    """Read a queue body, sent at `sent` (epoch milliseconds): an envelope, or one v1 message of a foreign producer.

    A foreign message never met the receiver, so the moment it was sent is taken for the moment of its receipt: that
    is the same at every delivery. Raises UndecodableError.
    """
    try:
        return _open(body) if body.startswith(_MAGIC) else _adopt(body, sent, policy)
    except (ValueError, struct.error, RecursionError) as error:
        raise UndecodableError(str(error)) from error


def _open(body: bytes) -> Parcel:
    length, checksum = _FRAMING.unpack_from(body, len(_MAGIC))
    start_of_content = _START_OF_HEAD + length
    encoded_head = body[_START_OF_HEAD:start_of_content]
    if crc32(encoded_head) != checksum:
        raise ValueError("The head of the envelope is damaged.")
    head = _decode_head(encoded_head)
    content = compression.swell(body[start_of_content:], "zstd", MAX_CONTENT)
    if len(content) != head.size or not 0 < 2 * _TIME.itemsize * head.count < head.size:
        raise ValueError("The head of the envelope does not fit its content.")
    timestamps, received = np.frombuffer(content, _TIME, 2 * head.count).reshape(2, head.count)
    lines = content[2 * _TIME.itemsize * head.count :]
    if lines.count(b"\n") != head.count or not lines.endswith(b"\n"):
        raise ValueError(f"The envelope says it holds {head.count} lines and does not.")
    place = partition.parse(head.partition)
    if place.path != head.partition:
        raise ValueError(f"{head.partition[:120]!r} is not the path of a partition")
    return Parcel(place, timestamps, received, lines)


def _adopt(body: bytes, sent: int, policy: Policy) -> Parcel:
    if not body.lstrip().startswith(b"{"):
        raise ValueError("It is neither an envelope nor a JSON object.")
    parsed = message.parse(body, sent)
    if parsed.rejected:
        raise ValueError(parsed.rejected[0].error)
    return wrap(policy.place(parsed.records[0]), parsed.records)
