"""The port to the stores: immutable objects under slash-separated keys."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class ObjectNotFoundError(LookupError):
    """There is no object of this key."""


class ObjectExistsError(Exception):
    """An object of this key exists and holds something else."""


class Entry(msgspec.Struct, frozen=True, order=True):
    """An object in a listing: `size` in bytes, `stored` the epoch milliseconds at which it appeared."""

    key: str
    size: int
    stored: int


class Storage(Protocol):
    """A store whose objects appear whole or not at all.

    Every verb raises OSError if the store could not do it; after a failed put the object is there whole, or not at all.
    """

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        """Make an object durable before returning, without a reader ever seeing a part of it.

        Without `overwrite`, putting the same bytes again succeeds and other bytes raise ObjectExistsError.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raises ObjectNotFoundError."""
        ...

    async def list(self, prefix: str) -> Sequence[Entry]:
        """List the objects whose keys begin with `prefix`, in the order of their keys, none that is unfinished."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object for good; removing what is not there succeeds."""
        ...

    async def close(self) -> None:
        """Let go of what the adapter holds open."""
        ...
