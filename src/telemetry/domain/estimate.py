"""What a fleet costs a month on SQS and S3: requests, objects and bytes, and dollars by a table of prices.

The arithmetic, for `rate` records a second over a month of 30 days:

- A queue message goes through three requests: it is sent, received and deleted. Ten share a request, if their bodies
  fit into it. A request is billed once for each 64 KB of its payload that it begins.
- An object is put once, moved to Standard-IA once and to Glacier once, and kept for 30 days in Standard and 60 in
  Standard-IA; from day 90 on it is in Glacier, which grows. The figures are those of the month a year after the start.
"""

from typing import Final

import msgspec

MONTH: Final = 30 * 24 * 3600
"""Seconds."""

CHUNK: Final = 64 * 1024
"""Bytes of payload that SQS bills as one request."""

_BATCH: Final = 10
_MOST: Final = 1024 * 1024  # bytes of a request
_GLACIER_MONTHS: Final = 9  # of the twelve of a year
_GLACIER_OVERHEAD: Final = (
    8 * 1024,
    32 * 1024,
)  # bytes an object, billed at Standard's and at Glacier's price
_GB: Final = 1024**3
_SMALL: Final = 128 * 1024  # bytes below which an object is not moved to Standard-IA


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dollars, and where and when they were read: requests a million, storage a GB and month, the rest a thousand."""

    as_of: str
    source: tuple[str, ...]
    region: str
    sqs_requests: float
    s3_puts: float
    to_infrequent: float
    to_glacier: float
    standard: float
    infrequent: float
    glacier: float


class Packing(msgspec.Struct, frozen=True):
    """How records travel and lie: per queue message and per object; `body` and `line` are bytes of one record there."""

    name: str
    per_message: float
    body: float
    per_object: float
    line: float


class Estimate(msgspec.Struct, frozen=True):
    """A month: counts, GB by tier, and dollars."""

    records: float
    requests: float
    puts: float
    standard_gb: float
    infrequent_gb: float
    glacier_gb: float
    transitions: float
    requests_cost: float
    puts_cost: float
    storage_cost: float
    transitions_cost: float

    @property
    def total(self) -> float:
        return self.requests_cost + self.puts_cost + self.storage_cost + self.transitions_cost


def month(rate: float, packing: Packing, prices: Prices) -> Estimate:
    """Estimate a month of `rate` records a second."""
    records = rate * MONTH
    requests = records / packing.per_message * _requests_per_message(packing)
    puts = records / packing.per_object
    size = packing.per_object * packing.line
    moves = 1 if size < _SMALL else 2
    at_standard, at_glacier = _GLACIER_OVERHEAD
    monthly = records * packing.line / _GB
    standard = monthly * (1 if moves > 1 else 3) + _GLACIER_MONTHS * puts * at_standard / _GB
    infrequent = monthly * 2 if moves > 1 else 0.0
    glacier = _GLACIER_MONTHS * (monthly + puts * at_glacier / _GB)
    to_infrequent = puts if moves > 1 else 0.0
    return Estimate(
        records=records,
        requests=requests,
        puts=puts,
        standard_gb=standard,
        infrequent_gb=infrequent,
        glacier_gb=glacier,
        transitions=puts * moves,
        requests_cost=requests / 1e6 * prices.sqs_requests,
        puts_cost=puts / 1e3 * prices.s3_puts,
        storage_cost=standard * prices.standard + infrequent * prices.infrequent + glacier * prices.glacier,
        transitions_cost=(to_infrequent * prices.to_infrequent + puts * prices.to_glacier) / 1e3,
    )


def _requests_per_message(packing: Packing) -> float:
    """Count what one message is billed for: its share of a send, of a receive and of a delete."""
    size = packing.per_message * packing.body
    together = max(1, min(_BATCH, int(_MOST / size)))
    carried = max(1, -(-together * size // CHUNK)) / together
    return 2 * carried + 1 / _BATCH
