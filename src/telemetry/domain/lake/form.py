"""The port to the forms in which compacted records are stored."""

from collections.abc import Iterator
from typing import Final, Protocol

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns

ROWS: Final = 131_072
"""Records that are written, and read back, at once."""


class Writer(Protocol):
    """Writes one object."""

    @property
    def size(self) -> int:
        """Return about how many bytes the object has so far."""
        ...

    def add(self, columns: Columns) -> None:
        """Write records, at most `ROWS` of them, which come after those before in the order of identities."""
        ...

    def close(self) -> bytes:
        """Return the object."""
        ...


class Form(Protocol):
    """A form of objects; it can be pickled."""

    @property
    def ending(self) -> str:
        """Return how the keys of its objects end."""
        ...

    def writer(self, hour: Hour) -> Writer:
        """Begin an object with records of an hour. The same records give the same bytes."""
        ...

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        """Yield the records of an object as they were written, in parts, or only in the part of a number.

        Raise DamagedObjectError.
        """
        ...
