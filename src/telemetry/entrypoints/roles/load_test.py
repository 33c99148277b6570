"""`telemetry load-test`: a measured load on a running pipeline, ending in the proof table."""

import argparse
import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.coordination.sending import MAX_RECORDS, ConcurrentSender
from telemetry.domain.vehicle.mishap import Mishaps, Shares
from telemetry.domain.vehicle.simulate import SAMPLING_S
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Count, Parser, Seed
from telemetry.entrypoints.shared import mishaps, proving, sending
from telemetry.entrypoints.shared.proving import ProofOptions
from telemetry.entrypoints.shared.sending import SendOptions

_UNPACED: Final = float("inf")
_SHORTEST_S: Final = 0.001  # that a load counts as having taken
_SLOWEST: Final = 1e-3  # records a second
_FASTEST: Final = 1e6  # records a second; nobody sends more, and max says as many as can be


class LoadOptions(msgspec.Struct, frozen=True):
    """How many records, how many of them a second, and what their values are drawn from."""

    messages: Count = 10_000
    rate: Annotated[float, Meta(gt=0)] = 50
    seed: Seed = 1


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("load-test", __doc__)
    parser.add(
        LoadOptions,
        {"rate": rate},
        messages="N: how many records",
        rate="HZ: records a second, or max",
        seed="N: the same seed drives the same way",
    )
    proving.add_options(parser)
    sending.add_options(parser)
    mishaps.add_options(parser)
    given = parser.read(arguments)
    options, proof, send, shares = (
        given.to(LoadOptions),
        given.to(ProofOptions),
        given.to(SendOptions),
        given.to(Shares),
    )
    configured = settings.load()
    log.configure(configured, "Load test")
    container = Container(settings=configured)
    return runtime.run(lambda stopping: load(container, options, proof, send, shares, stopping))


def rate(text: str) -> float:
    """Read a rate: a number above 0, or `max`."""
    if text == "max":
        return _UNPACED
    value = float(text)
    if not _SLOWEST <= value <= _FASTEST:
        raise argparse.ArgumentTypeError(
            f"{text}: it is a number above 0, or max; from {_SLOWEST:g} to {_FASTEST:g}"
        )
    return value


async def load(  # noqa: PLR0913, PLR0917  # the groups of options
    container: Container,
    options: LoadOptions,
    proof: ProofOptions,
    send: SendOptions,
    shares: Shares,
    stopping: asyncio.Event,
) -> int:
    """Send, wait until it is stored, and prove it. Return 0 if nothing was lost or refused."""
    clock, mishap = container.clock(), container.mishaps(shares, options.seed)
    since_ms, started_s = clock.wall_ms(), clock.monotonic_s()
    async with sending.sender(container, send) as sender:
        await _send(container, sender, mishap, options, stopping)
        await sender.send(mishap.rest())
    took_s = clock.monotonic_s() - started_s
    status = sending.conclude(sender, mishap.damaged)
    screen.explain(
        f"{sender.manifest.count()[1] / max(took_s, _SHORTEST_S):.0f} records a second accepted, over {took_s:.1f} s"
    )
    async with opened(container.queue, container.storage):
        counted = await proving.prove(container, sender.manifest, since_ms, proof.settle_s)
    return proving.conclude(container, counted) or status


async def _send(
    container: Container,
    sender: ConcurrentSender,
    mishap: Mishaps,
    options: LoadOptions,
    stopping: asyncio.Event,
) -> None:
    """Send as many records as asked for, each vehicle at 5 Hz, or, unpaced, as fast as they are accepted."""
    clock = container.clock()
    paced = options.rate != _UNPACED
    vehicles = max(1, round(options.rate * SAMPLING_S)) if paced else MAX_RECORDS
    simulation = container.simulation(vehicles, seed=options.seed, prefix=f"load-{clock.wall_ms():x}")
    started_s, timestamp_ms = clock.monotonic_s(), 0
    with screen.progress() as progress:
        bar = progress.add_task("sending", total=options.messages, note="")
        for sent in range(0, options.messages, vehicles):
            if paced:
                await runtime.pause(stopping, started_s + sent / options.rate - clock.monotonic_s())
            if stopping.is_set() or sender.is_refused:
                break
            timestamp_ms = max(clock.wall_ms(), timestamp_ms + 1)  # no two samples of a vehicle share a time
            await sender.send(mishap.apply(simulation.sample(timestamp_ms)[: options.messages - sent]))
            progress.update(bar, completed=sent, note=f"{screen.counted(sender.accepted, 'record')} accepted")
