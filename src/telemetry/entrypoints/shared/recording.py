"""What `telemetry simulator --output` does: writes the frames of a fleet's buses to logs instead of posting records."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

from telemetry.domain.can.broadcast import Broadcast
from telemetry.domain.can.frame import Frame
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulate
from telemetry.entrypoints.process import extras, screen


async def record(
    simulated: Simulate, path: Path, first: int, duration: float, stopping: asyncio.Event
) -> int:
    """Write `duration` seconds from `first` (epoch milliseconds) on, one vehicle to `path`, each of more beside it.

    Raises SettingsError if what writes logs is not installed, OSError if they cannot be written.
    """
    with extras.needed("can"):
        from telemetry.adapters.can.dbc import Dbc  # noqa: PLC0415  # an extra, which need not be there
        from telemetry.adapters.can.log import CanRecorder  # noqa: PLC0415  # as above
    sampling, written = round(SAMPLING_S * 1000), 0
    broadcast = Broadcast(Dbc().cyclic, sampling)
    names = simulated.vehicle_ids
    with ExitStack() as stack, screen.progress() as progress:
        recorders = [stack.enter_context(CanRecorder(_beside(path, name, len(names)))) for name in names]
        steps = range(0, round(duration * 1000), sampling)
        bar = progress.add_task("driving", total=len(steps), note="")
        for elapsed in steps:
            signals = {**simulated.measure(), **simulated.tell()}
            for can_id, data in broadcast(elapsed, signals):
                for recorder, frame in zip(recorders, data, strict=True):
                    recorder.write(Frame((first + elapsed) / 1000, can_id, frame))
                written += len(data)
            progress.update(bar, advance=1, note=f"{written} frames written")
            await asyncio.sleep(0)  # so that the signal to stop is seen
            if stopping.is_set():
                break
    screen.say(f"wrote {written} frames of {len(recorders)} vehicles to {path.parent}/")
    return 0


def _beside(path: Path, vehicle_id: str, vehicles: int) -> Path:
    return path if vehicles == 1 else path.with_stem(f"{path.stem}-{vehicle_id}")
