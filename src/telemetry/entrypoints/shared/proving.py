"""What the roles that end in the proof table have in common: wait until all is stored, count, print."""

import argparse
import asyncio
from typing import Final

from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Proof
from telemetry.entrypoints.process import screen
from telemetry.entrypoints.process.container import Container

_LOOK_EVERY: Final = 0.1  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settle", type=float, default=60, help="seconds to wait for storage (default: %(default)s)"
    )


async def prove(container: Container, manifest: Manifest, since: int, patience: float) -> Proof:
    """Count the stores once nothing is on its way any more, or after `patience` seconds."""
    clock = container.clock()
    deadline = clock.monotonic() + patience
    with screen.progress() as progress:
        waiting = progress.add_task("storing", total=None, note="")
        while True:
            while clock.monotonic() < deadline and (left := await _on_its_way(container)):
                progress.update(waiting, note=f"{left} queue messages left")
                await asyncio.sleep(_LOOK_EVERY)
            proof = await container.prove()(manifest, since, clock.wall())
            if not proof.lost or clock.monotonic() >= deadline:
                return proof
            await asyncio.sleep(_LOOK_EVERY)


async def _on_its_way(container: Container) -> int:
    depth = await container.queue().depth()
    return depth.ready + depth.leased
