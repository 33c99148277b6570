"""`telemetry simulator`: a fleet of battery packs that post what they measure every 200 ms."""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from telemetry.domain.vehicle.mishap import Shares
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser, Seed, new_file
from telemetry.entrypoints.shared import driving, mishaps, picture, recording, scene, sending
from telemetry.entrypoints.shared.driving import DrivingSeconds
from telemetry.entrypoints.shared.scene import SceneOptions
from telemetry.entrypoints.shared.sending import SendOptions

Vehicles = Annotated[int, Meta(ge=1, le=1_000_000)]


class FleetOptions(msgspec.Struct, frozen=True):
    """How many drive for how long, and what becomes of what they measure."""

    vehicles: Vehicles = 10
    duration_s: DrivingSeconds = msgspec.field(default=60, name="duration")
    seed: Seed = 1
    output: Path | None = None
    plot: Path | None = None


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("simulator", __doc__)
    _add_options(parser)
    given = parser.read(arguments)
    fleet, send, shares = given.to(FleetOptions), given.to(SendOptions), given.to(Shares)
    if fleet.output and (send.ledger or shares != Shares()):
        parser.error("with --output nothing is sent, so that there is no ledger and no mishap")
    scenario = scene.scenario(given.to(SceneOptions))
    configured = settings.load()
    log.configure(configured, "Simulator")
    container = Container(settings=configured)
    simulation = container.simulation(fleet.vehicles, fleet.seed, scenario=scenario)
    if fleet.plot:
        about = f"{scene.describe(given.to(SceneOptions))}, seed {fleet.seed}"
        picture.draw(fleet.plot, simulation, fleet.duration_s, about)
        return 0
    if path := fleet.output:
        return runtime.run(
            lambda stopping: recording.record(container, simulation, path, fleet.duration_s, stopping)
        )
    return runtime.run(lambda stopping: simulate(container, simulation, fleet, send, shares, stopping))


def _add_options(parser: Parser) -> None:
    parser.add(
        FleetOptions,
        vehicles="N: how many vehicles",
        duration="SECONDS: of driving",
        seed="N: the same seed drives the same way",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--output",
        type=new_file,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="write CAN frames to this log (.log, .asc, .blf) and post nothing; each of many vehicles to its own",
    )
    instead.add_argument(
        "--plot",
        type=picture.file,
        default=argparse.SUPPRESS,
        metavar="FILE.png",
        help="draw the first vehicle's drive at once, instead of posting it (needs the extra `plot`)",
    )
    scene.add_options(parser)
    sending.add_options(parser)
    mishaps.add_options(parser)


async def simulate(  # noqa: PLR0913, PLR0917  # what drives, and the groups of options
    container: Container,
    simulation: Simulation,
    fleet: FleetOptions,
    send: SendOptions,
    shares: Shares,
    stopping: asyncio.Event,
) -> int:
    """Drive the fleet and print what became of its records.

    The exit status says whether all were accepted.
    """
    clock, mishap = container.clock(), container.mishaps(shares, fleet.seed)
    async with sending.sender(container, send) as sender:
        await driving.drive(
            lambda due_ms: mishap.apply(simulation.sample(due_ms)), sender, clock, fleet.duration_s, stopping
        )
        await sender.send(mishap.rest())
    return sending.conclude(sender, mishap.damaged)
