"""Which vehicles are folded together: few enough that their records fit into memory."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from telemetry.domain.figures.partial import Partial
from telemetry.domain.figures.state import State

_RESULT: Final = 25
"""Records that take as much memory as what a vehicle adds up to, while that is computed."""


def sizes(partial: Partial) -> Counter[str]:
    """Return how many records each vehicle has, copies included."""
    found: Counter[str] = Counter()
    counts = (partial.records + partial.duplicates).tolist()
    for (vehicle_id, _), count in zip(partial.streams, counts, strict=True):
        found[vehicle_id] += count
    return found


def unmeasured(state: State) -> Collection[str]:
    """Return the vehicles whose streams have not been measured."""
    return {vehicle_id for vehicle_id, _ in state.partial.streams} - state.coverage.keys()


def split(sizes: Mapping[str, int], most: int) -> Iterator[Collection[str]]:
    """Split vehicles into groups of `most` records, if one alone has not more."""
    group: set[str] = set()
    size = 0
    for vehicle_id, count in sorted(sizes.items()):
        if group and size + count + _RESULT > most:
            yield group
            group, size = set(), 0
        group.add(vehicle_id)
        size += count + _RESULT
    if group:
        yield group
