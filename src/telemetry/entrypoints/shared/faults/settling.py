"""Waits after a run under faults until all of it has come to rest: figures are exact, poison is put aside."""

import asyncio
from collections.abc import Sequence
from typing import Final

from telemetry.domain.store import objects
from telemetry.entrypoints.shared.faults import exact
from telemetry.entrypoints.shared.faults.fault import Target

PATIENCE_S: Final = 120.0
"""Seconds for all that was sent to be stored, and for its hours to be exact."""


async def settle(target: Target) -> Sequence[str]:
    """Wait until the figures are exact, and all poison is in quarantine; return what is not."""
    clock, hours = target.container.clock(), target.load.manifest.hours()
    ends_s = clock.monotonic_s() + PATIENCE_S
    while True:
        wrong = [*await exact.differences(target.container.storage(), hours), *await _unquarantined(target)]
        if not wrong or clock.monotonic_s() >= ends_s:
            return wrong
        await asyncio.sleep(1)


async def _unquarantined(target: Target) -> Sequence[str]:
    storage = target.container.storage()
    lines = {
        line
        for info in await storage.list(objects.QUARANTINE)
        for line in (await storage.get(info.key)).splitlines()
    }
    if len(lines) >= target.poisoned:
        return []
    return [f"{target.poisoned} poison bodies were sent, and {len(lines)} are in quarantine"]
