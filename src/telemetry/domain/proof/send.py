"""Use-case: send records to a receiver, and keep a list of what was sent and what was accepted."""

from collections.abc import Sequence

from telemetry.domain.contract import codec
from telemetry.domain.contract.record import Answer, Record
from telemetry.domain.proof.gateway import Gateway
from telemetry.domain.proof.manifest import Manifest


class Sender:
    """One sender, and the manifest of what it sent."""

    def __init__(self, gateway: Gateway, manifest: Manifest | None = None) -> None:
        self._gateway = gateway
        self.manifest = Manifest() if manifest is None else manifest

    async def send(self, records: Sequence[Record]) -> Answer:
        """Send records as one body. Raise GatewayError, after which the manifest has them as sent only."""
        self.manifest.add_sent(records)
        answer = await self._gateway.post(codec.encode_request(records))
        refused = {rejection.index for rejection in answer.rejected}
        self.manifest.add_accepted(record for index, record in enumerate(records) if index not in refused)
        return answer
