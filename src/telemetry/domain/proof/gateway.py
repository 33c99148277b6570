"""The port to a receiver, as those see it who send to one."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from telemetry.domain.contract.message import Rejection


class Answer(msgspec.Struct, frozen=True):
    """What a receiver says of a body: how many records are durable, and why each of the others is not."""

    accepted: int
    rejected: Sequence[Rejection]


class GatewayError(Exception):
    """The receiver did not take a body, though it was tried as often as makes sense; its text says why."""


class Gateway(Protocol):
    """A receiver that is sent to until it answers."""

    async def ready(self) -> None:
        """Return once the receiver says that it can take records. Raises GatewayError if it never does."""
        ...

    async def post(self, lines: bytes) -> Answer:
        """Send newline-delimited records, again while the receiver is away, overloaded or tells to come back later.

        An answer that got lost on its way makes the records come twice, never not at all. Raises GatewayError.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
