"""The port to what was computed once and may be lost: losing it costs reading and computing it again."""

from typing import Protocol


class Cache(Protocol):
    """Keeps bytes under names, as long as there is room. A name is one or more parts with slashes between."""

    async def get(self, name: str) -> memoryview | None:
        """Return what was put under a name last; None if it is not there any more, or cannot be read."""
        ...

    async def put(self, name: str, data: bytes) -> None:
        """Keep bytes in the place of what had that name. It never fails, because they may be lost at once."""
        ...


class NoCache:
    """Keeps nothing."""

    async def get(self, name: str) -> memoryview | None:  # noqa: ARG002  # the port's
        return None

    async def put(self, name: str, data: bytes) -> None:
        pass
