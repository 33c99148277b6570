"""Compacted records as compressed lines, for which no further package is needed.

Each part is a zstd frame of its own, so that neither a writer nor a reader holds all lines at once.
"""

from collections.abc import Iterator

from telemetry.domain.contract import codec, compression
from telemetry.domain.contract.moment import Hour, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import lines
from telemetry.domain.figures.columns import Columns
from telemetry.domain.store.objects import DamagedObjectError, LineFaults

_LEVEL = 9
_LARGEST = 2_000_000_000  # bytes of a part: it has 131,072 records, of up to 512 signals each


class LinesForm:
    """Objects that any tool reads after `zstd -d`."""

    ending: str = ".jsonl.zst"

    def writer(self, hour: Hour) -> "LinesWriter":
        return LinesWriter(hour)

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        faults = LineFaults()
        for number, block in enumerate(_frames(key, data)):
            if only not in {None, number}:
                continue
            columns = lines.read(block, hour, faults)
            if faults.count:
                raise DamagedObjectError(key, faults.first)
            yield columns.sort()  # which are read in any order


class LinesWriter:
    """An object in memory."""

    def __init__(self, hour: Hour) -> None:
        self._hour = hour
        self._frames: list[bytes] = []
        self.size = 0

    def add(self, columns: Columns) -> None:
        frame = compression.compress(codec.encode_lines(_records(columns, self._hour)), _LEVEL)
        self._frames.append(frame)
        self.size += len(frame)

    def close(self) -> bytes:
        return b"".join(self._frames)


def _records(columns: Columns, hour: Hour) -> Iterator[Record]:
    start = start_ms(hour)
    fields = (columns.stream.tolist(), columns.offset.tolist(), columns.received.tolist(), columns.payloads())
    for stream, offset, received, payload in zip(*fields, strict=True):
        vehicle_id, can_id = columns.streams[stream]
        yield Record(start + offset, vehicle_id, can_id, dict(payload), received)


def _frames(key: str, data: bytes) -> Iterator[bytes]:
    """Decompress an object frame by frame, of which each was a part."""
    try:
        for frame in compression.frames(data):
            yield compression.decompress(frame, "zstd", _LARGEST)
    except ValueError as error:
        raise DamagedObjectError(key, str(error)) from error
