"""What requests, objects and bytes cost on AWS, and how much of it the lifecycle saves.

An object stays 30 days in Standard and 60 in Standard-IA. From day 90 on it is in Glacier. Below 128 KB it
skips Standard-IA. Each move is a request, which costs the same for one byte as for 5 MB, and an object in
Glacier brings an overhead. So small objects cost more to move than they save.

A compacted object goes to Glacier Instant Retrieval instead, which has no overhead. Below 128 KB it stays in
Standard.
"""

from typing import Final, Self

import msgspec

from telemetry.domain.estimate.compaction import Compaction
from telemetry.domain.estimate.flow import Flow
from telemetry.domain.estimate.load import FIGURES, Load

MONTH_S: Final = 30 * 24 * 3600
TB: Final = 1024.0**4
_GB: Final = 1024.0**3
_MIN_INFREQUENT: Final = 128 * 1024  # bytes; a smaller object is not moved to Standard-IA
# Bytes an object in Glacier: the first billed at Standard's price, the second at Glacier's.
_GLACIER_OVERHEAD: Final = (8 * 1024, 32 * 1024)
_YEAR: Final = 12  # months
_HOURS: Final = 720  # of a month


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices in dollars, with the date and the sources at which they were read.

    Requests to SQS are priced by the million, storage by the GB and month, and the others by the thousand.
    """

    as_of: str
    source: tuple[str, ...]
    region: str
    sqs_requests: float
    s3_puts: float
    s3_gets: float
    to_infrequent: float
    to_glacier: float
    to_instant: float
    standard: float
    infrequent: float
    glacier: float
    instant: float


class Stored(msgspec.Struct, frozen=True):
    """Objects of one size: what they cost a month in each place, in dollars, and once to move them."""

    objects: float
    gb: float
    is_infrequent: bool
    in_standard: float
    in_infrequent: float
    in_glacier: float
    moving: float

    @classmethod
    def of(cls, total: float, size: float, prices: Prices) -> Self:
        """Price `total` bytes in objects of `size` bytes."""
        objects, gb, is_large = total / size, total / _GB, size >= _MIN_INFREQUENT
        at_standard, at_glacier = (objects * each / _GB for each in _GLACIER_OVERHEAD)
        move = prices.to_glacier + (prices.to_infrequent if is_large else 0.0)
        return cls(
            objects=objects,
            gb=gb,
            is_infrequent=is_large,
            in_standard=gb * prices.standard,
            in_infrequent=gb * (prices.infrequent if is_large else prices.standard),
            in_glacier=at_standard * prices.standard + (gb + at_glacier) * prices.glacier,
            moving=objects * move / 1000,
        )

    @classmethod
    def compacted(cls, total: float, size: float, prices: Prices) -> Self:
        """Price `total` bytes of compacted records in objects of `size` bytes."""
        objects, gb, is_large = total / size, total / _GB, size >= _MIN_INFREQUENT
        in_standard = gb * prices.standard
        return cls(
            objects=objects,
            gb=gb,
            is_infrequent=is_large,
            in_standard=in_standard,
            in_infrequent=gb * prices.infrequent if is_large else in_standard,
            in_glacier=gb * prices.instant if is_large else in_standard,
            moving=objects * (prices.to_infrequent + prices.to_instant) / 1000 if is_large else 0.0,
        )

    @property
    def moves(self) -> float:
        """Count the moves from tier to tier, of which small objects make one or none."""
        return self.objects * (2 if self.is_infrequent else self.moving > 0)

    def kept(self, months: int) -> float:
        """Add up the first months in the lifecycle, at least three, without the moves."""
        return self.in_standard + 2 * self.in_infrequent + (months - 3) * self.in_glacier

    def mean(self, months: int) -> float:
        """Return what one of the first months costs on average, with the moves."""
        return (self.kept(months) + self.moving) / months


class Month(msgspec.Struct, frozen=True):
    """A month of 30 days, a year after the start: what eleven others brought is stored beside its own.

    `stored` are the objects of one month, `lines_gb` what is stored as lines, and `compacting` the puts of
    compacted objects a second. `unmoved_cost` is that of storage if all lines stay in Standard.
    """

    flow: Flow
    stored: Stored
    compacting: float
    lines_gb: float
    requests_cost: float
    writes_cost: float
    reads_cost: float
    storage_cost: float
    moving_cost: float
    unmoved_cost: float

    @classmethod
    def of(cls, load: Load, flow: Flow, size: float, prices: Prices) -> Self:
        """Price a flow whose objects have `size` bytes on average."""
        stored = Stored.of(flow.puts * MONTH_S * size, size, prices)
        unmoved = _unmoved(load, flow, size, prices)
        return cls._priced(flow, stored, _YEAR * stored.gb, _figures(load, prices), unmoved, prices)

    @classmethod
    def compacted(cls, load: Load, flow: Flow, size: float, made: Compaction, prices: Prices) -> Self:
        """Price the same flow if its hours are compacted."""
        stored = Stored.compacted(made.rate * MONTH_S, made.size, prices)
        lines_gb = flow.puts * made.kept_s * size / _GB
        beside_gb = made.beside * MONTH_S * _YEAR / _GB
        beside = _figures(load, prices) + (lines_gb + beside_gb) * prices.standard
        both = msgspec.structs.replace(flow, gets=flow.gets + made.gets, lists=flow.lists + made.lists)
        unmoved = _unmoved(load, flow, size, prices)
        return cls._priced(both, stored, lines_gb, beside, unmoved, prices, made.puts)

    @classmethod
    def _priced(  # noqa: PLR0913, PLR0917  # what a month consists of
        cls,
        flow: Flow,
        stored: Stored,
        lines_gb: float,
        beside: float,
        unmoved: float,
        prices: Prices,
        compacting: float = 0.0,
    ) -> Self:
        writes = flow.puts + flow.figure_puts + flow.lists + compacting
        return cls(
            flow=flow,
            stored=stored,
            compacting=compacting,
            lines_gb=lines_gb,
            requests_cost=flow.requests * MONTH_S / 1e6 * prices.sqs_requests,
            writes_cost=writes * MONTH_S / 1e3 * prices.s3_puts,
            reads_cost=flow.gets * MONTH_S / 1e3 * prices.s3_gets,
            storage_cost=stored.kept(_YEAR) + beside,
            moving_cost=stored.moving,
            unmoved_cost=unmoved,
        )

    @property
    def total(self) -> float:
        requests = self.requests_cost + self.writes_cost + self.reads_cost
        return requests + self.storage_cost + self.moving_cost


def _figures(load: Load, prices: Prices) -> float:
    """Return what the figures of a year cost a month, which are never moved."""
    return load.vehicles * FIGURES * _HOURS * _YEAR / _GB * prices.standard


def _unmoved(load: Load, flow: Flow, size: float, prices: Prices) -> float:
    return flow.puts * MONTH_S * size * _YEAR / _GB * prices.standard + _figures(load, prices)
