"""What the roles that end in the proof table have in common: wait until all is stored, count, print."""

import asyncio
from typing import Final

import msgspec

from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Proof
from telemetry.entrypoints.process import screen
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser, Seconds

_LOOK_EVERY_S: Final = 0.1


class ProofOptions(msgspec.Struct, frozen=True):
    """How long to wait before what is not stored is lost."""

    settle_s: Seconds = msgspec.field(default=60, name="settle")


def add_options(parser: Parser) -> None:
    parser.add(ProofOptions, settle="SECONDS: how long to wait for storage")


async def prove(container: Container, manifest: Manifest, since_ms: int, patience_s: float) -> Proof:
    """Count the stores once nothing is on its way any more, or after `patience_s`."""
    clock, prover = container.clock(), container.prover()
    deadline_s = clock.monotonic_s() + patience_s
    with screen.progress() as progress:
        waiting = progress.add_task("storing", total=None, note="")
        while True:
            while clock.monotonic_s() < deadline_s and (left := await _on_its_way(container)):
                progress.update(waiting, note=f"{left} queue messages left")
                await asyncio.sleep(_LOOK_EVERY_S)
            proof = await prover.prove(manifest, since_ms, clock.wall_ms())
            if not proof.lost or clock.monotonic_s() >= deadline_s:
                return proof
            await asyncio.sleep(_LOOK_EVERY_S)


def conclude(proof: Proof) -> int:
    """Print the proof, and what of the store is damaged; return the exit status."""
    for error in proof.damage:
        screen.complain(str(error))
    screen.proof(proof)
    return 0 if proof.holds else 1


async def _on_its_way(container: Container) -> int:
    depth = await container.queue().depth()
    return depth.ready + depth.leased
