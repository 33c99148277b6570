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
    def of(cls, latencies: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Self:
        """Summarise a non-empty array of latencies in milliseconds. Raises ValueError if it is empty."""
        if not latencies.size:
            raise ValueError("There are no percentiles of nothing.")
        p50, p95, p99, low, high = (np.percentile(latencies, (50, 95, 99, 0, 100)) / 1000).tolist()
        return cls(p50, p95, p99, low, high, latencies.size)


class Stages(msgspec.Struct, frozen=True):
    """The latencies of one batch; a negative `ingest` is a vehicle's clock that runs ahead."""

    ingest: Percentiles
    queue: Percentiles
    processing: Percentiles
    end_to_end: Percentiles

    @classmethod
    def of(
        cls, timestamp: Milliseconds, received: Milliseconds, dequeued: Milliseconds, written: int
    ) -> Self:
        """Measure the records of a batch.

        All are epoch milliseconds, an entry a record: made by the vehicle, received over HTTP, received from the
        queue; `written` is when all of them were durable.
        """
        return cls(
            ingest=Percentiles.of(received - timestamp),
            queue=Percentiles.of(dequeued - received),
            processing=Percentiles.of(written - dequeued),
            end_to_end=Percentiles.of(written - timestamp),
        )
