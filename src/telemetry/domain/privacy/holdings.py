"""Where anything of a vehicle may be stored: what one store and one queue hold, and how it is read.

raw/, skewed/          lines of records
compacted/             records by columns, which a manifest names
quarantine/            bodies of messages that could not be decoded
dismissed/             the same, of which nobody expects anything any more
aggregated/            figures, and the vehicles that were absent
the queue              messages that wait, are on lease, or are dead letters
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.store.objects import RawFormat
from telemetry.domain.store.storage import Storage
from telemetry.domain.together import Together, one_by_one

Read = Callable[[str, bytes, Hour], Iterator[Columns]]
"""Reads the records of a compacted object by its key, its bytes and its hour."""


class Holdings(msgspec.Struct, frozen=True):
    """One store, and how it is read and written."""

    storage: Storage
    read: Read
    together: Together = one_by_one
    raw_format: RawFormat = "jsonl"


class Rewritten(NamedTuple):
    """How many messages were changed or removed, and how many of them were on lease."""

    messages: int
    leased: int


class RewritableQueue(Protocol):
    """A queue whose messages can be changed where they are."""

    async def rewrite(self, change: Callable[[bytes, int], bytes | None]) -> Rewritten:
        """Replace each body by what `change` makes of it and of the moment at which it was sent.

        A message of which None is left is removed. All is changed or nothing, and what was replaced or
        removed, now or before, leaves no byte in the queue's files. Raise QueueUnavailableError.
        """
        ...
