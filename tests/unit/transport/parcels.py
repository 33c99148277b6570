"""Parcels, drawn and compared."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from telemetry.domain.contract.partition import Partition
from telemetry.domain.transport.parcel import Parcel
from tests.builders import HOUR

PLACES = st.builds(
    Partition,
    tree=st.sampled_from(["raw", "skewed"]),
    hour=st.integers(HOUR - 2, HOUR + 2),
    bucket=st.none() | st.integers(0, 999),
)


def same(one: Parcel, other: Parcel) -> bool:
    """Return whether two parcels hold the same."""
    return (
        one.partition == other.partition
        and one.timestamps.tolist() == other.timestamps.tolist()
        and one.received.tolist() == other.received.tolist()
        and one.lines == other.lines
    )


def joined(parcels: Sequence[Parcel]) -> Parcel:
    """Join parcels of one partition."""
    return Parcel(
        parcels[0].partition,
        np.concatenate([parcel.timestamps for parcel in parcels]),
        np.concatenate([parcel.received for parcel in parcels]),
        b"".join(parcel.lines for parcel in parcels),
    )


def parcels_of(place: st.SearchStrategy[Partition]) -> st.SearchStrategy[Parcel]:
    """Draw parcels with any times and any lines that hold one newline each."""
    line = st.binary(max_size=30).map(lambda text: text.replace(b"\n", b" ") + b"\n")
    any_time = st.integers(-(2**63), 2**63 - 1)
    rows = st.lists(st.tuples(any_time, any_time, line), min_size=1, max_size=6)

    def make(partition: Partition, drawn: list[tuple[int, int, bytes]]) -> Parcel:
        timestamps, received, lines = zip(*drawn, strict=True)
        return Parcel(partition, np.array(timestamps, "<i8"), np.array(received, "<i8"), b"".join(lines))

    return st.builds(make, place, rows)
