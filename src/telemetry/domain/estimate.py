"""What a fleet costs a month on SQS and S3: requests, objects, bytes and dollars.

The arithmetic, for `rate` records a second over a month of 30 days:

- A queue message takes part in three requests: it is sent, received and deleted. Ten messages share a request
  if their bodies fit into it. A request is billed once for each 64 KB of payload that it begins.
- An object is put once, moved to Standard-IA once and moved to Glacier once. It is kept for 30 days in
  Standard and for 60 in Standard-IA. From day 90 on it is in Glacier, which grows. The figures are for the
  month a year after the start.
"""

from typing import Final

import msgspec

MONTH_S: Final = 30 * 24 * 3600

CHUNK: Final = 64 * 1024
"""Bytes of payload that SQS bills as one request."""

_BATCH: Final = 10  # messages that share a request at most
_MAX_REQUEST: Final = 1024 * 1024  # bytes
_GLACIER_MONTHS: Final = 9  # of the twelve of a year
# Bytes an object, the first billed at Standard's price, the second at Glacier's.
_GLACIER_OVERHEAD: Final = (8 * 1024, 32 * 1024)
_GB: Final = 1024**3
_MIN_INFREQUENT: Final = 128 * 1024  # bytes; a smaller object is not moved to Standard-IA


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices in dollars, with the date and the sources at which they were read.

    Requests to SQS are priced by the million, storage by the GB and month, and the others by the thousand.
    """

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
    """How many records share a queue message and an object.

    `body` is the bytes that one record takes in a message, `line` the bytes that it takes in an object.
    """

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
    records = rate * MONTH_S
    requests = records / packing.per_message * _requests_per_message(packing)
    puts = records / packing.per_object
    size = packing.per_object * packing.line
    moves = 1 if size < _MIN_INFREQUENT else 2
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
    """Return the requests billed for one message: its share of a send, of a receive and of a delete."""
    size = packing.per_message * packing.body
    together = max(1, min(_BATCH, int(_MAX_REQUEST / size)))
    carrying = max(1, -(-together * size // CHUNK)) / together
    return 2 * carrying + 1 / _BATCH
