"""How a listing differs from what figures were built from: a pure comparison."""

import msgspec

from telemetry.domain.figures.hour import Aggregated, Listing
from telemetry.domain.figures.inputs import Inputs


class Change(msgspec.Struct, frozen=True):
    """How many raw objects are gone or have lost content, the key of the `first`, and how many came."""

    missing: int
    came: int
    first: str | None = None


def compare(inputs: Inputs, listing: Listing) -> Change:
    """Compare a listing with what figures were built from.

    A raw object never changes, so that one which is smaller than it was has lost content. Skewed objects do
    not count: their records are in no figures, and may be filed again.
    """
    if inputs.raw is None:
        before = inputs.objects if inputs.raw_objects is None else inputs.raw_objects
        there = listing.objects if inputs.raw_objects is None else len(listing.raw)
        return Change(max(0, before - there), max(0, there - before))
    now = {info.key: info.size for info in listing.raw}
    missing = [key for key, size in inputs.raw.items() if now.get(key, -1) < size]
    return Change(len(missing), len(now.keys() - inputs.raw.keys()), min(missing, default=None))


def is_less(aggregated: Aggregated, inputs: Inputs) -> bool:
    """Return whether figures have fewer records than those that were built from `inputs`.

    If it is only known how many raw objects there were, fewer of them are less, unless their records are as
    many. If not even that is known, those that are gone may have been skewed, and filed again: then too their
    records are as many.
    """
    if inputs.raw is None and _are_fewer(aggregated, inputs):
        return (aggregated.records, aggregated.unique) != (inputs.records, inputs.unique)
    return aggregated.records < inputs.records or aggregated.unique < inputs.unique


def _are_fewer(aggregated: Aggregated, inputs: Inputs) -> bool:
    if inputs.raw_objects is None:
        return aggregated.objects < inputs.objects
    return (aggregated.raw_objects or 0) < inputs.raw_objects
