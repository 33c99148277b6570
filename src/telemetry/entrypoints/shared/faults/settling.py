"""Waits after a run under faults until all of it has come to rest: figures are exact, poison is put aside."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects, quarantine
from telemetry.entrypoints.shared.faults import exact
from telemetry.entrypoints.shared.faults.awaiting import described
from telemetry.entrypoints.shared.faults.fault import Target

PATIENCE_S: Final = 120.0
"""Seconds for all that was sent to be stored, and for its hours to be exact."""


async def settle(target: Target) -> Sequence[str]:
    """Wait until the figures are exact, and all poison is in quarantine; return what is not."""
    clock = target.container.clock()
    ends_s = clock.monotonic_s() + PATIENCE_S
    while True:
        wrong = await _wrong(target)
        if not wrong or clock.monotonic_s() >= ends_s:
            return wrong
        await asyncio.sleep(1)


async def _wrong(target: Target) -> Sequence[str]:
    storage, hours = target.container.storage(), target.load.manifest.hours()
    try:
        return [*await exact.differences(storage, hours), *await _unquarantined(target)]
    except (OSError, ValueError, TelemetryError, msgspec.MsgspecError) as error:
        return [f"the figures cannot be compared: {described(error)}"]


async def _unquarantined(target: Target) -> Sequence[str]:
    """Return how many of the bodies that were sent as poison are not in quarantine, each as it was sent."""
    storage = target.container.storage()
    there: Collection[bytes] = {
        each.body
        for info in await storage.list(objects.QUARANTINE)
        for each in quarantine.decode(await storage.get(info.key))
    }
    missing = [each for each in target.poison if each not in there]
    if not missing:
        return []
    return [f"{len(missing)} of {len(target.poison)} poison bodies are not in quarantine: {missing[0]!r}"]
