"""`telemetry up`: runs all roles on this machine, starts again what ends, and stops all in order.

What each process prints is kept in a file of its own, which is rotated, and shown with its name. Ctrl-C or
SIGTERM stops the receiver first, then the consumers, which store what they hold, and then the aggregator.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from telemetry.domain.errors import UsageError
from telemetry.entrypoints.process import log, notify, runtime, screen, settings
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.options import Parser, Port
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import granting, supervising
from telemetry.entrypoints.shared.keeping import Keeper
from telemetry.entrypoints.shared.supervising import Part, Supervised, Watching

_MORE_PATIENCE_S: Final = 4.0  # than a role has to stop by itself, before it is killed
_LOOK_EVERY_S: Final = 0.5

Processes = Annotated[int, Meta(ge=1, le=64)]


class UpOptions(msgspec.Struct, frozen=True):
    """Where to listen, how many processes of which role, and where their logs are."""

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Processes = 1
    consumers: Processes = 1
    logs: Path = Path("logs")
    canary: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("up", __doc__)
    parser.add(
        UpOptions,
        host="ADDRESS: to listen on",
        port="PORT: to listen on",
        workers="N: processes to listen with",
        consumers="N: consumers",
        logs="FOLDER: of the logs, a file a process",
    )
    parser.add_argument("--canary", action="store_true", help="let the receiver have a canary")
    options = parser.read(arguments).to(UpOptions)
    configured = settings.load()
    if configured.queue_backend == "memory" or configured.storage_backend == "memory":
        raise UsageError("QUEUE_BACKEND and STORAGE_BACKEND: memory cannot be shared by processes")
    granting.grants(configured)
    runtime.check_address(options.host, options.port)
    with screen.status() as show:
        logger = log.configure(configured, "Up")  # whose lines appear above the status
        return runtime.run(lambda stopping: supervise(configured, options, Shown(logger, show), stopping))


class Shown(NamedTuple):
    """Where a person sees what happens: the log, and the line of the status."""

    log: Log
    status: Callable[[str], None]


async def supervise(configured: Settings, options: UpOptions, shown: Shown, stopping: asyncio.Event) -> int:
    """Run all parts until told to stop, or until one is hopeless; return 0 if all ended in order."""
    patience_s = configured.shutdown_timeout + _MORE_PATIENCE_S
    with Keeper(options.logs) as keeper:
        watching = Watching(keeper.keep, partial(_say_ended, shown.log))
        groups = [
            [Supervised(part, os.environ, watching, patience_s) for part in group] for group in parts(options)
        ]
        every = [each for group in groups for each in group]
        for each in every:
            each.start()
        shown.log.info("Started", url=f"http://{options.host}:{options.port}", logs=str(options.logs))
        is_ready = False
        while not stopping.is_set() and not _hopeless(every):
            shown.status(status_line(every))
            if not is_ready and all(each.was_ready for each in every):
                is_ready = True
                shown.log.info("All processes are ready")
                notify.ready()
            await runtime.pause(stopping, _LOOK_EVERY_S)
        notify.stopping()
        shown.status("stopping")
        await _stop(groups)
    return _conclude(every, options.logs, shown.log)


def parts(options: UpOptions) -> Iterator[Sequence[Part]]:
    """Yield what runs, in groups in the order in which they are stopped."""
    address = ["--host", options.host, "--port", str(options.port), "--workers", str(options.workers)]
    yield [Part("receiver", ["receiver", *address, *(["--canary"] if options.canary else [])])]
    yield [Part(f"consumer-{number}", ["consumer"]) for number in range(1, options.consumers + 1)]
    yield [Part("aggregator", ["aggregator"])]


def status_line(every: Sequence[Supervised]) -> str:
    """Say what runs: `receiver ready, consumer-1 pausing, aggregator ready; 3 restarts`."""
    states = ", ".join(f"{each.part.name} {each.state}" for each in every)
    restarts = sum(max(0, each.starts - 1) for each in every)
    return f"{states}; {screen.counted(restarts, 'restart')}"


async def _stop(groups: Sequence[Sequence[Supervised]]) -> None:
    """Stop one group after the other, so that each finds room for what it holds."""
    for group in groups:
        await asyncio.gather(*(each.stop() for each in group))


def _hopeless(every: Sequence[Supervised]) -> Sequence[Supervised]:
    return [each for each in every if each.state == "hopeless"]


def _say_ended(logger: Log, name: str, status: int, pause_s: float) -> None:
    logger.warning(supervising.ENDED, process=name, status=status, pause=pause_s)


def _conclude(every: Sequence[Supervised], logs: Path, logger: Log) -> int:
    for each in _hopeless(every):
        logger.error(
            "A process cannot run, all are stopped",
            process=each.part.name,
            status=each.status,
            log=str(logs / f"{each.part.name}.log"),
        )
    unclean = [each for each in every if each.was_ready and each.status]
    for each in unclean:
        logger.error("A process did not end in order", process=each.part.name, status=each.status)
    logger.info("Stopped", restarts=sum(each.starts - 1 for each in every))
    return int(bool(unclean or _hopeless(every)))
