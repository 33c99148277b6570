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
        return Change(max(0, inputs.objects - listing.objects), max(0, listing.objects - inputs.objects))
    now = {info.key: info.size for info in listing.raw}
    missing = [key for key, size in inputs.raw.items() if now.get(key, -1) < size]
    return Change(len(missing), len(now.keys() - inputs.raw.keys()), min(missing, default=None))


def is_less(aggregated: Aggregated, inputs: Inputs) -> bool:
    """Return whether figures have fewer records than those that were built from `inputs`.

    Fewer objects, of which only the number is known, are less unless their records are as many: then those
    that are gone were skewed, and filed again.
    """
    if inputs.raw is None and aggregated.objects < inputs.objects:
        return (aggregated.records, aggregated.unique) != (inputs.records, inputs.unique)
    return aggregated.records < inputs.records or aggregated.unique < inputs.unique
