"""Quarantined bodies: queue bodies that could not be decoded, each with its reason, as lines of an object."""

import base64
from collections.abc import Sequence
from typing import Final, Self

import msgspec

from telemetry.domain.contract.moment import format_timestamp
from telemetry.domain.transport.lease import Delivery


class QuarantinedBody(msgspec.Struct, frozen=True):
    """A queue body that could not be decoded, as its line in the quarantine has it."""

    quarantined_at: str
    sent_at: str
    receives: int
    reason: str
    body_base64: str

    @classmethod
    def of(cls, delivery: Delivery, reason: str, now_ms: int) -> Self:
        """Put a delivery into quarantine at `now_ms`."""
        return cls(
            format_timestamp(now_ms),
            format_timestamp(delivery.sent_ms),
            delivery.receives,
            reason,
            base64.b64encode(delivery.body).decode(),
        )

    def holding(self, body: bytes) -> Self:
        """Return it with another body in the place of its own."""
        return msgspec.structs.replace(self, body_base64=base64.b64encode(body).decode())

    @property
    def body(self) -> bytes:
        return base64.b64decode(self.body_base64)


_decode: Final = msgspec.json.Decoder(QuarantinedBody).decode_lines
_encode: Final = msgspec.json.Encoder().encode_lines


def encode(bodies: Sequence[QuarantinedBody]) -> bytes:
    """Encode bodies as lines."""
    return _encode(bodies)


def decode(data: bytes) -> Sequence[QuarantinedBody]:
    """Decode the lines of an object of the quarantine. Raise ValueError if it is none."""
    return _decode(data)
