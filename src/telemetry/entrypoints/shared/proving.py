"""What the roles that end in the proof table have in common: wait until all is stored, count, print."""

import asyncio
from typing import Final

import msgspec

from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Proof
from telemetry.domain.transport import outlook
from telemetry.entrypoints.process import heartbeat, screen
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser, Seconds
from telemetry.entrypoints.process.settings import Settings

_LOOK_EVERY_S: Final = 0.1
_ASK_AFTER_S: Final = 5.0  # of waiting; a consumer that has just been started has stored something by then
_LONG_S: Final = 60.0  # without a sign of life, after which no consumer seems to run


class ProofOptions(msgspec.Struct, frozen=True):
    """How long to wait before what is not stored is pending or lost."""

    settle_s: Seconds = msgspec.field(default=60, name="settle")


def add_options(parser: Parser) -> None:
    parser.add(ProofOptions, settle="SECONDS: how long to wait for storage")


async def prove(container: Container, manifest: Manifest, since_ms: int, patience_s: float) -> Proof:
    """Count the stores once nothing is on its way any more, or after `patience_s`."""
    clock, prover, configured = container.clock(), container.prover(), container.settings()
    started_s, asked = clock.monotonic_s(), False
    deadline_s = started_s + patience_s
    with screen.progress() as progress:
        waiting = progress.add_task("storing", total=None, note="")
        while True:
            while clock.monotonic_s() < deadline_s and (left := await _on_its_way(container)):
                progress.update(waiting, note=f"{screen.counted(left, 'queue message')} left")
                if not asked and clock.monotonic_s() >= started_s + _ASK_AFTER_S and _is_missed(configured):
                    screen.complain(f"{screen.counted(left, 'message')} in the queue: {_ask(configured)}")
                    asked = True
                await asyncio.sleep(_LOOK_EVERY_S)
            proof = await prover.prove(manifest, since_ms, clock.wall_ms())
            if proof.is_settled or clock.monotonic_s() >= deadline_s:
                return proof
            await asyncio.sleep(_LOOK_EVERY_S)


def conclude(container: Container, proof: Proof) -> int:
    """Print the proof, what is damaged, and what to do if records wait; return the exit status."""
    for error in proof.damage:
        screen.complain(str(error))
    if proof.pending:
        screen.complain("; ".join(_advise(container.settings(), proof)))
    screen.proof(proof)
    return 0 if proof.holds else 1


def _advise(configured: Settings, proof: Proof) -> list[str]:
    """Say what keeps the records that are pending from being stored."""
    advice = []
    if waiting := proof.pending - proof.dead:
        advice.append(f"pending: {screen.counted(waiting, 'record')} in the queue: {_ask(configured)}")
    if proof.dead:
        advice.append(
            f"pending: {screen.counted(proof.dead, 'record')} in dead letters, which no consumer takes: "
            "telemetry dead-letters list shows them, and telemetry dead-letters replay sends them again"
        )
    return advice


def _ask(configured: Settings) -> str:
    """Ask whether a consumer runs, and say when one was seen."""
    age_s = heartbeat.last_seen_s(configured.data_dir, "consumer")
    if age_s is None:
        seen = f"none has left a sign of life in {configured.data_dir / heartbeat.FOLDER}/"
    else:
        seen = f"one was last seen {age_s:.0f} s ago"
    return f"does a consumer run? {seen}"


def _is_missed(configured: Settings) -> bool:
    age_s = heartbeat.last_seen_s(configured.data_dir, "consumer")
    return age_s is None or age_s > _LONG_S


async def _on_its_way(container: Container) -> int:
    depth = await container.queue().depth()
    waiting = depth.ready + depth.leased
    known = outlook.others(await container.queue().outlook()) if waiting else 0
    return waiting if known is None else known
