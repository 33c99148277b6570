"""The port to the stores: immutable objects under slash-separated keys."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from telemetry.domain.errors import OutOfReachError, TelemetryError


class StoreUnavailableError(OutOfReachError):
    """The store cannot be reached, refused, or is full; its text says which, and what to change."""


class ObjectNotFoundError(TelemetryError, LookupError):
    """There is no object of this key."""


class ObjectExistsError(TelemetryError):
    """An object of this key exists and holds something else."""


class ObjectInfo(msgspec.Struct, frozen=True, order=True):
    """An object in a listing: `size` in bytes, `stored_ms` the moment at which it appeared."""

    key: str
    size: int
    stored_ms: int


class Storage(Protocol):
    """A store whose objects appear whole or not at all.

    Every verb raises StoreUnavailableError if the store could not do it. After a failed put the object is
    there whole, or not at all.
    """

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        """Make an object durable before returning, without a reader ever seeing a part of it.

        Without `overwrite`, putting the same bytes again succeeds and other bytes raise ObjectExistsError. If
        several put other bytes under one key at once, one succeeds.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Read a whole object. Raise ObjectNotFoundError."""
        ...

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        """List the whole objects whose keys begin with `prefix`, in the order of their keys."""
        ...

    async def folders(self, prefix: str) -> Sequence[str]:
        """Return, in order, what the keys that begin with `prefix` have before the next slash, and the slash.

        `prefix` ends in a slash, or is empty. A store with folders may return empty ones.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove an object for good; removing what is not there succeeds."""
        ...

    async def close(self) -> None:
        """Close files and connections; closing twice does no harm."""
        ...
