"""How long records took, stage by stage, as percentiles of a batch."""

from typing import Self

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
        p50, p95, p99, low, high = (np.percentile(latencies_ms, (50, 95, 99, 0, 100)) / 1000).tolist()
        return cls(p50, p95, p99, low, high, latencies_ms.size)


class Stages(msgspec.Struct, frozen=True):
    """The latencies of one batch; a negative `ingest` means that a vehicle's clock runs ahead."""

    ingest: Percentiles
    queue: Percentiles
    processing: Percentiles
    end_to_end: Percentiles

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
            ingest=Percentiles.of(received - timestamps),
            queue=Percentiles.of(dequeued - received),
            processing=Percentiles.of(written_ms - dequeued),
            end_to_end=Percentiles.of(written_ms - timestamps),
        )
