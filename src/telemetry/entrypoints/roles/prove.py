"""`telemetry prove`: compares the ledger of a run with what is stored, ending in the proof table.

With --faults it makes a run of its own, in a temporary folder or at an emulator of AWS: all roles under
load, while faults are injected by a schedule. One seed gives one order of faults. It ends in a line for each
kind of fault and the proof table. It fails if anything was lost or refused, is not exact, or was not
recovered from, and if a kind was never injected.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from telemetry.adapters import ledger
from telemetry.adapters.ledger import LedgerError
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.shared import proving
from telemetry.entrypoints.shared.faults import running
from telemetry.entrypoints.shared.faults.options import FaultOptions
from telemetry.entrypoints.shared.proving import ProofOptions


class ProveOptions(ProofOptions, frozen=True, kw_only=True):
    """Which run: one that was, by its ledger, or one of its own under faults."""

    ledger: Path | None = None
    faults: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("prove", __doc__)
    parser.add(ProveOptions, ledger="FILE: what --ledger of a role that sends wrote")
    proving.add_options(parser)
    parser.add_argument("--faults", action="store_true", help="run all roles under faults, and prove that")
    parser.add(
        FaultOptions,
        minutes="N: how long faults are injected, and longer until each kind had its turn",
        schedule="SEED: the same seed gives the same order of faults",
        only="KINDS: only faults of these kinds, separated by commas",
    )
    given = parser.read(arguments)
    options = given.to(ProveOptions)
    if options.faults == bool(options.ledger):
        parser.error("argument --ledger: give it, or --faults, and not both")
    configured = settings.load()
    log.configure(configured, "Prove")
    if options.faults:
        return _inject(given.to(FaultOptions))
    assert options.ledger  # noqa: S101  # as was checked
    path = options.ledger
    return runtime.run(lambda _: _prove(Container(settings=configured), path, options.settle_s))


def _inject(options: FaultOptions) -> int:
    """Run under faults in a folder that is removed if all was well."""
    folder = Path(tempfile.mkdtemp(prefix="telemetry-faults-"))
    status = 1
    try:
        status = runtime.run(lambda stopping: running.run(options, folder, stopping))
    finally:
        if status and any(folder.iterdir()):
            screen.complain(f"what the run left is kept: {folder}")
        else:
            shutil.rmtree(folder)
    return status


async def _prove(container: Container, path: Path, settle_s: float) -> int:
    """Print the proof; the exit status says whether it holds."""
    try:
        manifest, since_ms = ledger.read(path)
    except UnicodeDecodeError as error:
        raise LedgerError(f"{path}: it is no ledger: it is no text in UTF-8") from error
    async with opened(container.queue, container.storage):
        proof = await proving.prove(container, manifest, since_ms, settle_s)
    return proving.conclude(container, proof)
