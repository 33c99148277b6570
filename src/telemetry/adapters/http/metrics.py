"""What the receiver tells of what it does, to whoever counts it."""

from collections.abc import Mapping
from typing import Protocol

from telemetry.domain.transport.lease import Depth


class Metrics(Protocol):
    """Counts for one receiver process."""

    @property
    def content_type(self) -> str:
        """The media type of what `render` returns."""
        ...

    def taken(self, accepted: int, rejected: int, duration_s: float) -> None:
        """Count the records of a body, which were durable `duration_s` after its arrival."""
        ...

    def rejected(self, reasons: Mapping[str, int]) -> None:
        """Count rejected records by the class of their reason."""
        ...

    def answered(self, status: int) -> None:
        """Count a request that was answered with `status`."""
        ...

    def holds(self, depth: Depth | None, oldest_s: float | None = None) -> None:
        """Note what the queue holds, if it could be asked, and how old the oldest of it is, if it says so."""
        ...

    def render(self) -> bytes:
        """Return all that was counted."""
        ...
