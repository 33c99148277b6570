"""The port to what the page shows: read elsewhere, so that taking records never waits for it."""

from collections.abc import Mapping
from typing import Protocol

from telemetry.domain.contract.moment import Hour


class Source(Protocol):
    """Reads what the page shows, as JSON. What many ask for at once is read once."""

    async def look(self) -> Mapping[str, bytes]:
        """Return all parts of the page by their names. What cannot be read says so in its part."""
        ...

    async def detail(self, hour: Hour) -> bytes | None:
        """Return what is known of an hour; None if it has no certified figures. Raise OutOfReachError."""
        ...

    async def course(self, vehicle_id: str, hour: Hour) -> bytes:
        """Return the course of one vehicle's signals over an hour. Raise OutOfReachError."""
        ...

    async def close(self) -> None:
        """End what reads; closing twice does no harm."""
        ...
