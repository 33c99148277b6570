"""The body of a queue message: an envelope of many valid lines, or one bare v1 message.

The receiver parses a record once. From there on it is a line among others of its partition, and what comes
later moves lines without parsing them. An envelope is

    4 bytes   magic, `TLE1`
    4 bytes   length of the head, little-endian
    4 bytes   CRC-32 of the head, little-endian
    head      JSON: the partition of all lines, count, size in bytes, and contexts of traces if any
    rest      one zstd frame: timestamps (count x int64 LE, epoch ms), times of receipt (the same), the lines

So the head can be read without decompressing the rest, and latencies are measured without parsing a line. Two
checksums, of the head and of the frame, show damage. A body that begins with `{` is one v1 message of a
foreign producer.
"""

import struct
from collections.abc import Sequence
from typing import Final
from zlib import crc32

import msgspec
import numpy as np

from telemetry.domain.contract import compression, parse, partition
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.errors import TelemetryError
from telemetry.domain.transport.parcel import TIME, Parcel

MAX_CONTENT: Final = 16 * 1024 * 1024
"""Bytes of content beyond which no envelope is decoded; the receiver encodes far fewer."""

HEAD: Final = 2048
"""Bytes from the start of an envelope that hold its whole head."""

MAX_TRACES: Final = 30
"""Contexts that a head has at the most, of the first POSTs."""

_MAGIC: Final = b"TLE1"
_FRAMING: Final = struct.Struct("<II")
_START_OF_HEAD: Final = len(_MAGIC) + _FRAMING.size


class UndecodableError(TelemetryError, ValueError):
    """A queue body that is neither a whole envelope nor a valid v1 message; its text says why."""


class _Head(msgspec.Struct, frozen=True, omit_defaults=True):
    partition: str
    count: int
    size: int
    traces: Sequence[str] = ()


_encode_head: Final = msgspec.json.Encoder().encode
_decode_head: Final = msgspec.json.Decoder(_Head).decode


def max_content(max_body: int) -> int:
    """Return how many bytes of parcels fit into a body of `max_body` bytes even if they do not compress."""
    return max_body - max_body // 128 - 1024


def encode(parcels: Sequence[Parcel]) -> bytes:
    """Encode parcels of one partition as an envelope."""
    content = b"".join(
        [
            *(parcel.timestamps.tobytes() for parcel in parcels),
            *(parcel.received.tobytes() for parcel in parcels),
            *(parcel.lines for parcel in parcels),
        ]
    )
    count = sum(parcel.count for parcel in parcels)
    traces = tuple(dict.fromkeys(trace for parcel in parcels for trace in parcel.traces))[:MAX_TRACES]
    head = _encode_head(_Head(parcels[0].partition.path, count, len(content), traces))
    return b"".join((_MAGIC, _FRAMING.pack(len(head), crc32(head)), head, compression.compress(content)))


def decode(body: bytes, sent_ms: int, policy: PartitionPolicy) -> Parcel:
    """Decode a queue body that was sent at `sent_ms`: an envelope, or one v1 message of a foreign producer.

    A foreign message never met the receiver. So the moment at which it was sent counts as the moment of its
    receipt, which is the same at every delivery. Raise UndecodableError.
    """
    try:
        return _decode_envelope(body) if body.startswith(_MAGIC) else _decode_foreign(body, sent_ms, policy)
    except (ValueError, struct.error, RecursionError) as error:
        raise UndecodableError(str(error)) from error


def partition_of(start: bytes) -> Partition | None:
    """Return the partition that an envelope names, of which the start is given; None if it is none."""
    if not start.startswith(_MAGIC):
        return None
    try:
        head, _ = _read_head(start)
        return partition.parse_path(head.partition)
    except (ValueError, struct.error, RecursionError):
        return None


def _read_head(start: bytes) -> tuple[_Head, int]:
    """Read the head of an envelope; return it, and where the content begins. Raise ValueError."""
    length, checksum = _FRAMING.unpack_from(start, len(_MAGIC))
    start_of_content = _START_OF_HEAD + length
    encoded_head = start[_START_OF_HEAD:start_of_content]
    if crc32(encoded_head) != checksum:
        raise ValueError("The head of the envelope is damaged.")
    return _decode_head(encoded_head), start_of_content


def _decode_envelope(body: bytes) -> Parcel:
    head, start_of_content = _read_head(body)
    content = compression.decompress(body[start_of_content:], "zstd", MAX_CONTENT)
    if len(content) != head.size or not 0 < 2 * TIME.itemsize * head.count < head.size:
        raise ValueError("The head of the envelope does not fit its content.")
    timestamps, received = np.frombuffer(content, TIME, 2 * head.count).reshape(2, head.count)
    lines = content[2 * TIME.itemsize * head.count :]
    if lines.count(b"\n") != head.count or not lines.endswith(b"\n"):
        raise ValueError(f"The envelope says it holds {head.count} lines and does not.")
    place = partition.parse_path(head.partition)
    if place.path != head.partition:
        raise ValueError(f"{head.partition[:120]!r} is not the path of a partition")
    return Parcel(place, timestamps, received, lines, head.traces)


def _decode_foreign(body: bytes, sent_ms: int, policy: PartitionPolicy) -> Parcel:
    if not body.removeprefix(parse.BYTE_ORDER_MARK).lstrip().startswith(b"{"):
        raise ValueError("It is neither an envelope nor a JSON object.")
    parsed = parse.parse_json(body, sent_ms, max_records=1)
    if parsed.rejected:
        raise ValueError(parsed.rejected[0].error)
    return Parcel.of(policy.place(parsed.records[0]), parsed.records)
