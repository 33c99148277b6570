"""The objects of the stores: their keys, and how their content is encoded."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal, Self

import msgspec

from telemetry.domain.contract import codec, compression
from telemetry.domain.contract.moment import Hour, hour_of, hour_path
from telemetry.domain.contract.partition import Partition
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import OutOfReachError, TelemetryError

MAX_BATCH: Final = 5_000_000
"""Bytes of lines that one object of the raw store holds at the most, before compression."""

QUARANTINE: Final = "quarantine/"
"""The tree beside `raw/` and `skewed/` that holds queue bodies that could not be decoded."""

DISMISSED: Final = "dismissed/"
"""The tree of bodies that were in quarantine, and that an operator has done with."""

RECORDS: Final = ("raw/", "skewed/")
"""The trees of objects that hold records."""

RawFormat = Literal["jsonl", "jsonl.zst"]

_MAX_DECOMPRESSED: Final = (
    64 * 1024 * 1024
)  # bytes; generous, since objects that others put there are read as well
_ZST: Final = ".zst"
_DIGEST: Final = re.compile(r"/(?:batch|quarantine)-\d+-([0-9a-f]{16})\.jsonl(?:\.zst)?\Z", re.ASCII)
"""The digest in the key of an object that was named by `batch_key` or `quarantine_key`; others have none."""


class DamagedObjectError(TelemetryError, ValueError):
    """An object, or a line in it, that is not what its key says.

    `key` names it and `why` says what is wrong. `is_of_lines` says that the rest of it could be read.
    """

    def __init__(self, key: str, why: str, *, is_of_lines: bool = False) -> None:
        super().__init__(f"{key} is damaged: {why}")
        self.key = key
        self.why = why
        self.is_of_lines = is_of_lines

    def __reduce__(self) -> tuple[type[Self], tuple[str, str], dict[str, object]]:
        """Let it pass between processes, whole."""
        return type(self), (self.key, self.why), self.__dict__


class UnreadObjectError(DamagedObjectError):
    """A listed object that could not be read: the store refused it, and it may be read later, or it is gone.

    What `is_gone` was removed after it was listed. No listing has it any more, so that figures that were
    built without it are those of what there is.
    """

    is_gone = False


def unread(key: str, error: TelemetryError) -> DamagedObjectError:
    """Say of an object that it is damaged, if that is the error, or that it could not be read."""
    if isinstance(error, DamagedObjectError):
        return error
    is_gone = isinstance(error, LookupError)
    made = UnreadObjectError(key, "it was removed after it was listed" if is_gone else str(error))
    made.__cause__ = error
    made.is_gone = is_gone
    return made


def damaged(errors: Iterable[DamagedObjectError]) -> int:
    """Count the objects that figures leave out and have to name: what is gone is in no listing any more."""
    whole = {each.key: each for each in errors if not each.is_of_lines}
    return sum(not (isinstance(each, UnreadObjectError) and each.is_gone) for each in whole.values())


def check_reach(errors: Iterable[DamagedObjectError], listed: int) -> None:
    """Raise what a store said if it let none of the listed objects be read: it is away, and they are not."""
    refusals = [each.__cause__ for each in errors if isinstance(each.__cause__, OutOfReachError)]
    if refusals and len(refusals) == listed:
        raise refusals[0]


class LineFaults(msgspec.Struct):
    """The damaged lines of one object: how many there are, and what is wrong with the first."""

    count: int = 0
    first: str = ""

    def add(self, number: int, why: str) -> None:
        """Count a line by its number, from 1."""
        self.first = self.first or f"line {number}: {why}"
        self.count += 1

    def damage(self, key: str) -> Iterator[DamagedObjectError]:
        """Yield what to say of the object `key`, if there is anything to say."""
        if self.count:
            lines = "1 line is" if self.count == 1 else f"{self.count} lines are"
            yield DamagedObjectError(key, f"{lines} left out, {self.first}", is_of_lines=True)


def batch_key(partition: Partition, now_ms: int, lines: bytes, raw_format: RawFormat) -> str:
    """Name the object of a batch after its moment and content, so that writing it twice writes it once."""
    return f"{partition.path}/batch-{now_ms}-{digest(lines)}.{raw_format}"


def quarantine_key(now_ms: int, lines: bytes) -> str:
    """Name an object of the quarantine in the same way."""
    return f"{QUARANTINE}{hour_path(hour_of(now_ms))}/quarantine-{now_ms}-{digest(lines)}.jsonl"


@lru_cache(maxsize=4096)
def aggregated_key(hour: Hour) -> str:
    """Name the figures of an hour: `aggregated/year=2025/.../hour=14/aggregated-20251019T14Z.json`."""
    start = datetime.fromtimestamp(hour * 3600, UTC)
    return f"aggregated/{hour_path(hour)}/aggregated-{start:%Y%m%dT%HZ}.json"


def complete_key(hour: Hour) -> str:
    """Name the marker of an hour that is complete: `aggregated/.../hour=14/_COMPLETE`.

    Engines that read a folder leave out names that begin with `_`.
    """
    return f"{aggregated_key(hour).rpartition('/')[0]}/_COMPLETE"


def encode_object(key: str, lines: bytes) -> bytes:
    """Encode lines as the ending of their object's key asks for."""
    return compression.compress(lines, level=3) if key.endswith(_ZST) else lines


def decode_object(key: str, data: bytes) -> Sequence[bytes]:
    """Return the lines of an object. Raise DamagedObjectError as `decode_content` does."""
    return decode_content(key, data).splitlines()


def decode_content(key: str, data: bytes) -> bytes:
    """Return an object's lines in one.

    Raise DamagedObjectError if they cannot be decompressed, or are not those that its key has the digest of.
    """
    try:
        lines = compression.decompress(data, "zstd", _MAX_DECOMPRESSED) if key.endswith(_ZST) else data
    except ValueError as error:
        raise DamagedObjectError(key, str(error)) from error
    named = _DIGEST.search(key)
    if named and named[1] != digest(lines):
        raise DamagedObjectError(key, "its lines are not those that its name has the digest of")
    return lines


def decode_records(lines: Sequence[bytes], faults: LineFaults) -> Iterator[tuple[int, Record]]:
    """Yield the record of each line with the line's number, from 1; add a line that is none to `faults`."""
    for number, line in enumerate(lines, start=1):
        try:
            record = codec.decode_line(line)
        except ValueError as error:
            faults.add(number, str(error))
        else:
            yield number, record


def digest(data: bytes) -> str:
    """Name bytes by 16 hex digits; two batches of one millisecond differ in it but for one case in 2^64."""
    return blake2b(data, digest_size=8).hexdigest()
