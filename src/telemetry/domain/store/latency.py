"""How long records took, stage by stage, as percentiles of a batch."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.domain.contract.moment import Milliseconds


class Percentiles(msgspec.Struct, frozen=True):
    """A distribution of latencies, in seconds; percentiles are interpolated linearly between samples."""

    p50: float
    p95: float
    p99: float
    min: float
    max: float
    size: int

    @classmethod
    def of(cls, latencies_ms: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Self:
        """Summarise a non-empty array of latencies. Raise ValueError if it is empty."""
        if not latencies_ms.size:
            raise ValueError("There are no percentiles of nothing.")
        ordered = np.sort(latencies_ms)
        p50, p95, p99 = (_between(ordered, percent) / 1000 for percent in (50, 95, 99))
        return cls(p50, p95, p99, ordered[0].item() / 1000, ordered[-1].item() / 1000, ordered.size)


def _between(ordered: npt.NDArray[np.number], percent: int) -> float:
    """Return a percentile; `np.percentile` gives the same, and takes ten times as long for a small batch."""
    place, rest = divmod(percent * (ordered.size - 1), 100)
    low, high = ordered[place].item(), ordered[min(place + 1, ordered.size - 1)].item()
    return float(low + (high - low) * rest / 100)


BOUNDS_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 30, 60, 300, 3600)
"""What latencies are counted up to, in seconds; 5 is the aim from vehicle to store."""

_BOUNDS_MS: Final = np.array(BOUNDS_S) * 1000


class Spread(msgspec.Struct, frozen=True):
    """How many latencies were up to each of `BOUNDS_S`, but not up to the one before, and how many were over.

    `total_s` is their sum in seconds. A negative latency, of a clock that runs ahead, counts as 0.
    """

    counts: Sequence[int]
    total_s: float

    @classmethod
    def of(cls, latencies_ms: Milliseconds) -> Self:
        """Count an array of latencies."""
        places = np.searchsorted(_BOUNDS_MS, latencies_ms)
        counts = np.bincount(places, minlength=_BOUNDS_MS.size + 1)
        return cls(counts.tolist(), float(np.maximum(latencies_ms, 0).sum()) / 1000)


class Latencies(NamedTuple):
    """How long the records of a batch took, stage by stage: an entry a record, in milliseconds.

    A negative `ingest` means that a vehicle's clock runs ahead.
    """

    ingest: Milliseconds
    queue: Milliseconds
    processing: Milliseconds
    end_to_end: Milliseconds

    @classmethod
    def of(
        cls, timestamps: Milliseconds, received: Milliseconds, dequeued: Milliseconds, written_ms: int
    ) -> Self:
        """Measure the records of a batch.

        The arrays have an entry a record, in epoch milliseconds: when the vehicle made it, when the receiver
        received it, and when the consumer received it from the queue. `written_ms` is when all of them were
        durable.
        """
        return cls(
            ingest=received - timestamps,
            queue=dequeued - received,
            processing=written_ms - dequeued,
            end_to_end=written_ms - timestamps,
        )

    def spreads(self) -> Mapping[str, Spread]:
        """Count the latencies of each stage."""
        return {stage: Spread.of(latencies_ms) for stage, latencies_ms in self._asdict().items()}


class Stages(msgspec.Struct, frozen=True):
    """The latencies of one batch as percentiles."""

    ingest: Percentiles
    queue: Percentiles
    processing: Percentiles
    end_to_end: Percentiles

    @classmethod
    def of(cls, latencies: Latencies) -> Self:
        """Summarise the latencies of a batch."""
        return cls(*map(Percentiles.of, latencies))
