"""The port to a receiver, as a sender sees it."""

from typing import Protocol

from telemetry.domain.contract.record import Answer
from telemetry.domain.errors import OutOfReachError


class GatewayError(OutOfReachError):
    """The receiver did not take a body, though it was tried as often as makes sense; its text says why."""


class Gateway(Protocol):
    """A receiver that is sent to until it answers."""

    async def ready(self) -> None:
        """Return once the receiver says that it can take records. Raise GatewayError if it never does."""
        ...

    async def post(self, lines: bytes) -> Answer:
        """Send newline-delimited records, again while the receiver is away, overloaded or asks for a pause.

        If an answer is lost on its way, the records come twice, never not at all. Raise GatewayError.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
