"""`telemetry vehicle`: exports or erases all that is stored of one vehicle.

`export` writes every record, and the figures, a JSON object a line with where it was found. `erase` removes
it from the stores, the embedded queue and the cache. What holds other vehicles too is written anew without
it. Without --yes it only counts. Revoke the key of the vehicle before, and stop consumers, aggregators and
compactions: they remember what they have read.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Final, Literal

import msgspec

from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.contract.record import VEHICLE_ID
from telemetry.domain.errors import UsageError
from telemetry.domain.privacy.erase import ERASURES, Erasure
from telemetry.domain.privacy.export import Export, Exported
from telemetry.domain.privacy.figures import FiguresWithout
from telemetry.domain.privacy.holdings import Holdings
from telemetry.domain.privacy.theirs import Vehicle
from telemetry.domain.transport.queue import Queue
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, new_file

_MOST: Final = 1000  # dead letters


class VehicleOptions(msgspec.Struct, frozen=True):
    """What to do, with which vehicle, where an export goes, and whether erasing is meant."""

    action: Literal["export", "erase"]
    vehicle_id: str
    output: Path | None = None
    yes: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("vehicle", __doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    export = actions.add_parser("export", help="write all that is stored of a vehicle")
    export.add_argument(
        "--output", type=new_file, required=True, metavar="FILE", help="where it is written to"
    )
    erase = actions.add_parser("erase", help="remove all that is stored of a vehicle")
    erase.add_argument("--yes", action="store_true", help="erase; without it, only count what there is")
    for action in (export, erase):
        action.add_argument("vehicle_id", metavar="VEHICLE")
    if not arguments:
        parser.print_help()
        return 0
    options = parser.read(arguments).to(VehicleOptions)
    if not VEHICLE_ID.fullmatch(options.vehicle_id):
        raise UsageError(f"{options.vehicle_id[:80]!r} is no id of a vehicle")
    configured = settings.load()
    log.configure(configured, "Vehicle")
    return runtime.run(lambda _: _act(Container(settings=configured), options))


async def _act(container: Container, options: VehicleOptions) -> int:
    vehicle = Vehicle(options.vehicle_id, container.settings().partition_policy)
    async with opened(container.storage, container.queue, container.lookout, container.engine):
        if options.action == "erase" and options.yes:
            return await _erase(container, vehicle)
        return await _export(container, vehicle, options.output)


def _holdings(container: Container) -> Holdings:
    raw_format = container.settings().raw_format
    return Holdings(container.storage(), container.forms().read, container.together(), raw_format)


async def _export(container: Container, vehicle: Vehicle, output: Path | None) -> int:
    """Write what is found to a file, if there is one, and count it."""
    export, queue = Export(_holdings(container), vehicle), container.queue()
    counts = dict[str, int]()
    beside = None if output is None else output.with_name(f".{output.name}.unfinished")
    lines = [each for letter in await queue.dead(_MOST) for each in export.of_letter(letter)]
    try:
        with (beside or Path("/dev/null")).open("wb") as file:
            async for each in export.lines():
                _write(file.write, each, counts)
            for each in lines:
                _write(file.write, each, counts)
        if beside and output:
            beside.replace(output)
    finally:
        if beside:
            beside.unlink(missing_ok=True)
    screen.table(f"What is stored of {vehicle.id}", ("where", "lines"), sorted(counts.items()))
    await _say_of_queue(queue)
    if output is None:
        screen.complain("nothing was erased: --yes erases it")
    return 0


def _write(write: Callable[[bytes], object], each: Exported, counts: dict[str, int]) -> None:
    tree = each.found_in.partition("/")[0]
    counts[tree] = counts.get(tree, 0) + 1
    write(msgspec.json.encode(each) + b"\n")


async def _erase(container: Container, vehicle: Vehicle) -> int:
    configured, queue = container.settings(), container.queue()
    aggregator = container.aggregator()
    await aggregator.look()
    figures = FiguresWithout(container.storage(), aggregator)
    rewritable = queue if isinstance(queue, SqliteQueue) else None
    erasure = Erasure(_holdings(container), rewritable, figures, vehicle)
    report = await erasure.erase(container.clock().wall_ms())
    if configured.cache_dir.is_dir():
        rmtree(configured.cache_dir)
    screen.say(
        f"erased {screen.counted(report.records, 'record')} in {screen.counted(len(report.changes), 'object')} "
        f"and {screen.counted(report.messages, 'message')}; {screen.counted(len(report.hours), 'hour')} have new "
        f"figures; digest {report.digest}, see {ERASURES}{report.vehicle}-*.json"
    )
    is_all = not report.leased
    if report.leased:
        screen.complain(
            f"{screen.counted(report.leased, 'message')} of it on lease: who holds it may store it yet; "
            "erase again once consumers have stopped"
        )
    if rewritable is None:
        screen.complain("messages that wait in SQS cannot be changed: erase again once the queue is empty")
    if configured.storage_backend == "s3":
        screen.complain("if the bucket keeps versions, older ones stay until its lifecycle removes them")
    for path in _naming(configured.data_dir, vehicle):
        is_all = False
        screen.complain(f"{path}: it is none of ours to change, and still names the vehicle")
    return int(not is_all)


async def _say_of_queue(queue: Queue) -> None:
    depth = await queue.depth()
    if waiting := depth.ready + depth.leased:
        screen.complain(f"{screen.counted(waiting, 'message')} wait in the queue, and are not looked into")


def _naming(folder: Path, vehicle: Vehicle) -> Iterator[Path]:
    """Yield files that name the vehicle: logs, and what others put there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and vehicle.is_named(path.read_bytes()):
            yield path
