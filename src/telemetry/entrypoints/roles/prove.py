"""`telemetry prove`: compares the ledger of a run with what is stored, ending in the proof table."""

from collections.abc import Sequence
from pathlib import Path

from telemetry.adapters import ledger
from telemetry.adapters.ledger import LedgerError
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.shared import proving
from telemetry.entrypoints.shared.proving import ProofOptions


class ProveOptions(ProofOptions, frozen=True, kw_only=True):
    """Which run."""

    ledger: Path


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("prove", __doc__)
    parser.add_argument(
        "--ledger", required=True, metavar="FILE", help="what --ledger of a role that sends wrote"
    )
    proving.add_options(parser)
    options = parser.read(arguments).to(ProveOptions)
    configured = settings.load()
    log.configure(configured, "Prove")
    return runtime.run(lambda _: _prove(Container(settings=configured), options))


async def _prove(container: Container, options: ProveOptions) -> int:
    """Print the proof; the exit status says whether it holds."""
    try:
        manifest, since_ms = ledger.read(options.ledger)
    except UnicodeDecodeError as error:
        raise LedgerError(f"{options.ledger}: it is no ledger: it is no text in UTF-8") from error
    async with opened(container.queue, container.storage):
        proof = await proving.prove(container, manifest, since_ms, options.settle_s)
    return proving.conclude(container, proof)
