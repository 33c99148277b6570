"""`telemetry simulator`: a fleet of battery packs that post what they measure, every 200 ms, or have it drawn."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from telemetry.domain.clock import Clock
from telemetry.domain.contract.message import Record
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulate
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.shared import mishaps, picture, recording, scene, sending
from telemetry.entrypoints.shared.sending import Sender


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry simulator", description=__doc__)
    parser.add_argument("--vehicles", type=int, default=10, help="how many vehicles (default: %(default)s)")
    parser.add_argument(
        "--duration", type=float, default=60, help="seconds of driving (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed drives the same way (default: %(default)s)"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write CAN frames to this log (.log, .asc, .blf) and post nothing; each of many vehicles to its own",
    )
    instead.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="draw the first vehicle's drive at once, instead of posting it (needs the extra `plot`)",
    )
    scene.add_arguments(parser)
    sending.add_arguments(parser)
    mishaps.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    if chosen.output and (chosen.ledger or mishaps.are_asked_for(chosen)):
        parser.error("with --output nothing is sent, so that there is no ledger and no mishap")
    configured = settings.load()
    log.configure(configured, "Simulator")
    chosen.scenario = scene.scenario(chosen)
    if chosen.plot:
        picture.draw(chosen.plot, _simulated(chosen), chosen.duration)
        return 0
    return runtime.run(lambda stopping: simulate(Container(settings=configured), chosen, stopping))


async def simulate(container: Container, chosen: argparse.Namespace, stopping: asyncio.Event) -> int:
    """Drive the fleet and say what became of its records; the exit status tells whether all were accepted."""
    simulated, clock = _simulated(chosen), container.clock()
    if chosen.output:
        return await recording.record(simulated, chosen.output, clock.wall(), chosen.duration, stopping)
    amiss = mishaps.of(chosen, chosen.seed)
    async with sending.sender(container, chosen) as sender:
        await drive(lambda due: amiss(simulated(due)), sender, clock, chosen.duration, stopping)
        await sender.send(amiss.rest())
    return sending.conclude(sender, amiss.damaged)


def _simulated(chosen: argparse.Namespace) -> Simulate:
    return Simulate(chosen.vehicles, chosen.seed, scenario=chosen.scenario)


async def drive(
    simulated: Callable[[int], Sequence[Record]],
    sender: Sender,
    clock: Clock,
    duration: float,
    stopping: asyncio.Event,
) -> None:
    """Send what `simulated` makes of a moment (epoch milliseconds) each 200 ms, for `duration` seconds or until told to stop."""
    steps = round(duration / SAMPLING_S)
    started, first = clock.monotonic(), clock.wall()
    with screen.progress() as progress:
        bar = progress.add_task("driving", total=steps, note="")
        for step in range(steps):
            await runtime.pause(stopping, started + step * SAMPLING_S - clock.monotonic())
            if stopping.is_set():
                break
            # Measured when due, even if this machine is late: two samples never share a time.
            await sender.send(simulated(first + round(step * SAMPLING_S * 1000)))
            progress.update(bar, advance=1, note=f"{sender.accepted} records accepted")
