"""Which faults are injected, for how long, and in which order."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.domain.errors import UsageError
from telemetry.entrypoints.process.options import Seed
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.faults import clients, clocks, processes, queues, stores
from telemetry.entrypoints.shared.faults.fault import Fault

EVERY: Final[Mapping[str, Fault]] = {
    fault.kind: fault
    for fault in (
        *processes.FAULTS,
        *queues.FAULTS,
        *stores.FAULTS,
        *clocks.FAULTS,
        *clients.FAULTS,
    )
}
"""All faults by their kind."""


class FaultOptions(msgspec.Struct, frozen=True):
    """For how long, in which order, and which kinds: if none is named, all that can be had here.

    Each is injected once at least, however long that takes.
    """

    minutes: Annotated[float, Meta(gt=0, le=10_000)] = 3
    schedule: Seed = 1
    only: str = ""

    def faults(self, configured: Settings) -> Sequence[Fault]:
        """Return the faults that are injected. Raise UsageError for a kind that is unknown or impossible."""
        possible = {kind: each for kind, each in EVERY.items() if each.concerns(configured)}
        named = [each.strip() for each in self.only.split(",") if each.strip()]
        for each in named:
            if each not in possible:
                raise UsageError(f"--only: {each!r}: it is one of {', '.join(sorted(possible))}")
        usual = [each for each in possible.values() if each not in clocks.FAULTS or clocks.library()]
        return [possible[each] for each in named] or usual

    def times(self, faults: Sequence[Fault]) -> Mapping[str, int]:
        """Return how often each kind comes in a round; once, if kinds are named."""
        return {each.kind: 1 if self.only else each.times for each in faults}
