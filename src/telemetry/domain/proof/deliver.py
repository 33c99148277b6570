"""Use-case: send records to a receiver, and keep book of what was sent and what was accepted."""

from collections.abc import Sequence

import msgspec

from telemetry.domain.contract import spelling
from telemetry.domain.contract.message import Record, Rejection
from telemetry.domain.proof.gateway import Gateway
from telemetry.domain.proof.manifest import Manifest


class Delivered(msgspec.Struct, frozen=True):
    """How one body fared."""

    sent: int
    accepted: int
    rejected: Sequence[Rejection]


class Deliver:
    """One sender; `manifest` is its book."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.manifest = Manifest()

    async def __call__(self, records: Sequence[Record]) -> Delivered:
        """Send records as one body. Raises GatewayError, after which they are in the book as sent only."""
        self.manifest.add_sent(records)
        answer = await self._gateway.post(spelling.encode_request(records))
        refused = {rejection.index for rejection in answer.rejected}
        self.manifest.add_accepted(record for index, record in enumerate(records) if index not in refused)
        return Delivered(len(records), answer.accepted, answer.rejected)
