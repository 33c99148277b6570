"""`telemetry load-test`: a measured load on a running pipeline, ending in the proof table."""

import argparse
import asyncio
from collections.abc import Sequence
from typing import Final

from telemetry.domain.vehicle.mishap import Mishaps
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulate
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.shared import mishaps, proving, sending
from telemetry.entrypoints.shared.sending import Sender

_UNPACED: Final = float("inf")


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry load-test", description=__doc__)
    parser.add_argument(
        "--messages", type=int, default=10_000, help="how many records (default: %(default)s)"
    )
    parser.add_argument(
        "--rate", type=rate, default=50, help="records a second, or max (default: %(default)s)"
    )
    proving.add_arguments(parser)
    sending.add_arguments(parser)
    mishaps.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    configured = settings.load()
    log.configure(configured, "Load test")
    return runtime.run(lambda stopping: load(Container(settings=configured), chosen, stopping))


def rate(text: str) -> float:
    """Read a rate: a number above 0, or `max`."""
    value = _UNPACED if text == "max" else float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("it is a number above 0, or max")
    return value


async def load(container: Container, chosen: argparse.Namespace, stopping: asyncio.Event) -> int:
    """Send, wait until it is stored, and prove it; the exit status tells whether nothing was lost or refused."""
    clock = container.clock()
    since, started = clock.wall(), clock.monotonic()
    amiss = mishaps.of(chosen, seed=1)
    async with sending.sender(container, chosen) as sender:
        await _send(container, sender, amiss, chosen, stopping)
        await sender.send(amiss.rest())
    seconds = clock.monotonic() - started
    status = sending.conclude(sender, amiss.damaged)
    screen.say(f"{sender.accepted / seconds:.0f} records a second accepted, over {seconds:.1f} s")
    proof = await proving.prove(container, sender.manifest, since, chosen.settle)
    screen.proof(proof)
    return status or int(proof.lost > 0)


async def _send(
    container: Container,
    sender: Sender,
    amiss: Mishaps,
    chosen: argparse.Namespace,
    stopping: asyncio.Event,
) -> None:
    """Send as many records as asked for, each vehicle at 5 Hz, or, unpaced, as fast as they are accepted."""
    clock = container.clock()
    paced = chosen.rate != _UNPACED
    vehicles = max(1, round(chosen.rate * SAMPLING_S)) if paced else sending.MAX_RECORDS
    simulated = Simulate(vehicles, seed=1, prefix=f"load-{clock.wall():x}")
    started, timestamp = clock.monotonic(), 0
    with screen.progress() as progress:
        bar = progress.add_task("sending", total=chosen.messages, note="")
        for sent in range(0, chosen.messages, vehicles):
            if paced:
                await runtime.pause(stopping, started + sent / chosen.rate - clock.monotonic())
            if stopping.is_set():
                break
            timestamp = max(clock.wall(), timestamp + 1)  # no two samples of a vehicle share a time
            await sender.send(amiss(simulated(timestamp)[: chosen.messages - sent]))
            progress.update(bar, completed=sent, note=f"{sender.accepted} records accepted")
