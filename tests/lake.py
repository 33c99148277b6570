"""Columns and records, for the tests of what is compacted."""

import numpy as np

from telemetry.domain.contract.moment import Hour, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import columns
from telemetry.domain.figures.columns import Columns
from tests.builders import HOUR


def columns_of(made: list[Record], hour: Hour = HOUR) -> Columns:
    """Make columns of records, in the order of their identities."""
    return columns.of_fields(
        [(each.vehicle_id, each.can_id) for each in made],
        columns.offsets_of(np.array([each.timestamp_ms for each in made], np.int64), hour),
        np.array([each.received_ms for each in made], np.int64),
        [each.payload for each in made],
    ).sort()


def records_of(found: Columns, hour: Hour = HOUR) -> list[Record]:
    """Make records of columns."""
    fields = zip(
        found.stream.tolist(), found.offset.tolist(), found.received.tolist(), found.payloads(), strict=True
    )
    return [
        Record(
            start_ms(hour) + offset,
            found.streams[stream][0],
            found.streams[stream][1],
            dict(payload),
            received,
        )
        for stream, offset, received, payload in fields
    ]
