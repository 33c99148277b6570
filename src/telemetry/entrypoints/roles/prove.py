"""`telemetry prove`: holds the ledger of a run against what is stored, ending in the proof table."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from telemetry.adapters import ledger
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.shared import proving


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry prove", description=__doc__)
    parser.add_argument(
        "--ledger", type=Path, required=True, metavar="FILE", help="what --ledger of a role that sends wrote"
    )
    proving.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    configured = settings.load()
    log.configure(configured, "Prove")
    return runtime.run(lambda _: _prove(Container(settings=configured), chosen))


async def _prove(container: Container, chosen: argparse.Namespace) -> int:
    """Print the proof; the exit status tells whether nothing that was accepted is lost."""
    manifest, since = ledger.read(chosen.ledger)
    try:
        proof = await proving.prove(container, manifest, since, chosen.settle)
    finally:
        await container.queue().close()
    screen.proof(proof)
    return int(proof.lost > 0)
