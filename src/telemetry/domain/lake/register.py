"""The port to tables that are told of compacted objects, which are read where they lie."""

from collections.abc import Sequence
from typing import Protocol

from telemetry.domain.contract.moment import Hour


class Register(Protocol):
    """A table of records."""

    async def register(self, hour: Hour, keys: Sequence[str]) -> bool:
        """Let the table have these objects of an hour, and no others of it, from one moment to the next.

        Return false if it had them. Raise TableError.
        """
        ...
