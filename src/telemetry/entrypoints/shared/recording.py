"""What `telemetry simulator --output` does: it writes the frames of a fleet's buses to logs."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

from telemetry.domain.can.frame import Frame
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation
from telemetry.entrypoints.process import extras, screen
from telemetry.entrypoints.process.container import Container


async def record(
    container: Container, simulation: Simulation, path: Path, duration_s: float, stopping: asyncio.Event
) -> int:
    """Write `duration_s` from now on, one vehicle to `path`, each of more beside it.

    Raise MissingExtraError if what writes logs is not installed, OSError if they cannot be written.
    """
    with extras.needed("can"):
        from telemetry.adapters.can.catalogue import read  # noqa: PLC0415  # an extra, which need not be there
        from telemetry.adapters.can.logs.record import CanRecorder  # noqa: PLC0415  # as above
    first_ms, sampling_ms, written = container.clock().wall_ms(), round(SAMPLING_S * 1000), 0
    broadcast = container.broadcast(read().cyclic, sampling_ms)
    names = simulation.vehicle_ids
    with ExitStack() as stack, screen.progress() as progress:
        recorders = [stack.enter_context(CanRecorder(_beside(path, name, len(names)))) for name in names]
        steps = range(0, round(duration_s * 1000), sampling_ms)
        bar = progress.add_task("driving", total=len(steps), note="")
        for elapsed_ms in steps:
            signals = {**simulation.measure(), **simulation.bus_signals()}
            for can_id, data in broadcast.due(elapsed_ms, signals):
                for recorder, frame in zip(recorders, data, strict=True):
                    recorder.write(Frame((first_ms + elapsed_ms) / 1000, can_id, frame))
                written += len(data)
            progress.update(bar, advance=1, note=f"{screen.counted(written, 'frame')} written")
            await asyncio.sleep(0)  # so that the signal to stop is seen
            if stopping.is_set():
                break
    vehicles = screen.counted(len(recorders), "vehicle")
    screen.explain(f"wrote {screen.counted(written, 'frame')} of {vehicles} to {path.parent}/")
    return 0


def _beside(path: Path, vehicle_id: str, vehicles: int) -> Path:
    return path if vehicles == 1 else path.with_stem(f"{path.stem}-{vehicle_id}")
