"""How the objects of the stores are named and spelled."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Literal, Self

import msgspec

from telemetry.domain.contract import compression
from telemetry.domain.contract.moment import instant
from telemetry.domain.contract.partition import HOUR_MS, Partition, hour_path
from telemetry.domain.transport.lease import Delivery

MAX_BATCH: Final = 5_000_000
"""Bytes of lines that one object of the raw store holds at the most, before compression."""

QUARANTINE: Final = "quarantine/"
"""The tree beside `raw/` and `skewed/` that holds queue bodies that could not be decoded."""

RawFormat = Literal["jsonl", "jsonl.zst"]

_MAX_SWOLLEN: Final = 64 * 1024 * 1024  # generous: objects that others put into the store are read as well
_ZST: Final = ".zst"


class Quarantined(msgspec.Struct, frozen=True):
    """A queue body that could not be decoded, as its line in quarantine spells it."""

    quarantined_at: str
    sent_at: str
    receives: int
    reason: str
    body_base64: str

    @classmethod
    def of(cls, delivery: Delivery, reason: str, now: int) -> Self:
        body = base64.b64encode(delivery.body).decode()
        return cls(instant(now), instant(delivery.sent), delivery.receives, reason, body)

    @property
    def body(self) -> bytes:
        return base64.b64decode(self.body_base64)


_decode_quarantine: Final = msgspec.json.Decoder(Quarantined).decode_lines
_encode_quarantine: Final = msgspec.json.Encoder().encode_lines


def batch_key(partition: Partition, now: int, lines: bytes, spelling: RawFormat) -> str:
    """Name the object of a batch after its moment and its content, so that writing it twice writes it once."""
    return f"{partition.path}/batch-{now}-{digest(lines)}.{spelling}"


def quarantine_key(now: int, lines: bytes) -> str:
    return f"{QUARANTINE}{hour_path(now // HOUR_MS)}/quarantine-{now}-{digest(lines)}.jsonl"


def aggregated_key(hour: int) -> str:
    """Name the figures of an hour: `aggregated/year=2025/.../hour=14/aggregated-20251019T14Z.json`."""
    return (
        f"aggregated/{hour_path(hour)}/aggregated-{datetime.fromtimestamp(hour * 3600, UTC):%Y%m%dT%HZ}.json"
    )


def write_lines(key: str, lines: bytes) -> bytes:
    """Spell lines as the ending of their object's key asks for."""
    return compression.squeeze(lines, level=3) if key.endswith(_ZST) else lines


def read_lines(key: str, data: bytes) -> Sequence[bytes]:
    """Read an object's lines. Raises ValueError if it is compressed and damaged."""
    content = compression.swell(data, "zstd", _MAX_SWOLLEN) if key.endswith(_ZST) else data
    return content.splitlines()


def write_quarantine(bodies: Sequence[Quarantined]) -> bytes:
    return _encode_quarantine(bodies)


def read_quarantine(data: bytes) -> Sequence[Quarantined]:
    """Read an object of the quarantine. Raises ValueError if it is none."""
    return _decode_quarantine(data)


def digest(data: bytes) -> str:
    """Name bytes by 16 hex digits; two batches of one millisecond differ in it but for one case in 2^64."""
    return blake2b(data, digest_size=8).hexdigest()
