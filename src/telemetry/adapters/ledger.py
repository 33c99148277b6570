"""The ledger of a run in a file: a JSON line for each record, each time it was sent.

The stores are compared with it. A record that was sent twice has two lines. The lines of a body are written
when it is answered or given up. An incomplete last line, whose writer was killed, does not count.
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
    """A file that is no ledger; the text names the file."""


class _Line(msgspec.Struct, frozen=True, gc=False):
    """A record that was sent, and whether a receiver accepted it."""

    sent_at: str
    vehicle_id: str
    can_id: str
    timestamp: str
    accepted: bool


class _ReadLine(msgspec.Struct, frozen=True, gc=False):
    """A line as it is read back."""

    sent_at: datetime
    vehicle_id: str
    can_id: str
    timestamp: datetime
    accepted: bool


_decode: Final = msgspec.json.Decoder(_ReadLine).decode_lines
_encode: Final = msgspec.json.Encoder().encode_lines


class Ledger:
    """A ledger that is written to `path`; what the file held before is lost."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raise OSError if it cannot be written."""
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, sent_ms: int, records: Sequence[Record], refused: Container[int]) -> None:
        """Write the lines of a body that was first sent at `sent_ms`; `refused` are places in it, from 0."""
        sent_at = format_timestamp(sent_ms)
        lines = [
            _Line(
                sent_at,
                each.vehicle_id,
                each.can_id,
                format_timestamp(each.timestamp_ms),
                index not in refused,
            )
            for index, each in enumerate(records)
        ]
        self._file.write(_encode(lines))
        self._file.flush()


def read(path: Path) -> tuple[Manifest, int]:
    """Read a ledger back; return what was sent, and since when, in epoch milliseconds.

    Raise LedgerError if the file is no ledger or holds no line, OSError if it cannot be read.
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
