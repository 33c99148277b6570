"""The port to a receiver, as a sender sees it."""

import re
from typing import Final, Protocol

from telemetry.domain.contract.record import Answer
from telemetry.domain.errors import OutOfReachError

_OF_KEY: Final = re.compile(r"\S+: 40[13] ")


class GatewayError(OutOfReachError):
    """The receiver did not take a body, though it was tried as often as makes sense.

    Its text is `<address>: <why>`. Where the receiver refused, that begins with the status.
    """

    @property
    def is_of_key(self) -> bool:
        """Whether the receiver refused the key, so that it would refuse every further body too."""
        return _OF_KEY.match(str(self)) is not None


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
