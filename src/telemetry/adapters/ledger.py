"""The book of a run in a file: a JSON line for each record each time it was sent, for others to hold the stores against.

A record that was sent twice has two lines. Lines are written when a body is answered, or given up; a last line that
breaks off, because its writer was killed, does not count.
"""

from collections.abc import Container, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import msgspec

from telemetry.domain.contract.moment import epoch_ms, format_timestamp
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import UsageError
from telemetry.domain.proof.manifest import Manifest


class LedgerError(UsageError):
    """A file that is no ledger; the text names it."""


class _Line(msgspec.Struct, frozen=True, gc=False):
    """A record that was sent, and whether a receiver answered for it."""

    sent_at: str
    vehicle_id: str
    can_id: str
    timestamp: str
    accepted: bool


class _Read(msgspec.Struct, frozen=True, gc=False):
    """A line as it is read back."""

    sent_at: datetime
    vehicle_id: str
    can_id: str
    timestamp: datetime
    accepted: bool


_decode: Final = msgspec.json.Decoder(_Read).decode_lines
_encode: Final = msgspec.json.Encoder().encode_lines


class Ledger:
    """A book that is written to `path`, anew. Raises OSError if it cannot be."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, sent_at: int, records: Sequence[Record], refused: Container[int]) -> None:
        """Enter a body that was sent from `sent_at` on (epoch milliseconds); `refused` are places in it, from 0."""
        at = format_timestamp(sent_at)
        lines = [
            _Line(at, each.vehicle_id, each.can_id, format_timestamp(each.timestamp_ms), index not in refused)
            for index, each in enumerate(records)
        ]
        self._file.write(_encode(lines))
        self._file.flush()


def read(path: Path) -> tuple[Manifest, int]:
    """Read a book back: what was sent, and since when (epoch milliseconds).

    Raises LedgerError if it is none or holds no line, OSError if it cannot be read.
    """
    content = path.read_bytes()
    try:
        lines = _decode(content[: content.rfind(b"\n") + 1])
    except msgspec.DecodeError as error:
        raise LedgerError(f"{path}: it is no ledger: {error}") from error
    if not lines:
        raise LedgerError(f"{path}: nothing was sent")
    manifest = Manifest()
    for line in lines:
        records = [Record(epoch_ms(line.timestamp), line.vehicle_id, line.can_id, {})]
        manifest.add_sent(records)
        if line.accepted:
            manifest.add_accepted(records)
    return manifest, min(epoch_ms(line.sent_at) for line in lines)
