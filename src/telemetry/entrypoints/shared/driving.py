"""What the roles that drive a fleet in real time have in common."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import Meta

from telemetry.coordination.sending import ConcurrentSender
from telemetry.domain.clock import Clock
from telemetry.domain.contract.record import Record
from telemetry.domain.vehicle.simulate import SAMPLING_S
from telemetry.entrypoints.process import runtime, screen

DrivingSeconds = Annotated[float, Meta(ge=SAMPLING_S, le=1e9)]
"""How long a fleet drives: one sample, or longer."""


async def drive(
    sample: Callable[[int], Sequence[Record]],
    sender: ConcurrentSender,
    clock: Clock,
    duration_s: float,
    stopping: asyncio.Event,
) -> None:
    """Send what `sample` returns for a moment (epoch milliseconds) each 200 ms, until told to stop."""
    steps = round(duration_s / SAMPLING_S)
    started_s, first_ms = clock.monotonic_s(), clock.wall_ms()
    with screen.progress() as progress:
        bar = progress.add_task("driving", total=steps, note="")
        for step in range(steps):
            await runtime.pause(stopping, started_s + step * SAMPLING_S - clock.monotonic_s())
            if stopping.is_set() or sender.is_refused:
                break
            # Measured when due, even if this machine is late: two samples never share a time.
            await sender.send(sample(first_ms + round(step * SAMPLING_S * 1000)))
            progress.update(bar, advance=1, note=f"{screen.counted(sender.accepted, 'record')} accepted")
