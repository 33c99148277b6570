"""`telemetry receiver`: takes records over HTTP and answers once they cannot be lost any more."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated, Final

import msgspec
from litestar import Litestar
from litestar.types import Scope
from msgspec import Meta

from telemetry.adapters.http import intake, problem, server
from telemetry.adapters.http.access import Access
from telemetry.adapters.http.app import EXPECTED, create_app
from telemetry.adapters.http.auth import Grant, Keyring
from telemetry.adapters.http.dashboard.feed import Feed
from telemetry.adapters.http.health import LastSend
from telemetry.adapters.http.intake import SENDER, Buffer, Desk
from telemetry.adapters.http.session import Sessions
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.domain.clock import Clock
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import children, log, notify, runtime, scratch, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, Port
from telemetry.entrypoints.process.repeated import Repeated
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import granting, standing, telling, tracing
from telemetry.entrypoints.shared.granting import SHARED_DIR, Renewal
from telemetry.entrypoints.shared.probing import CANARY, Probing
from telemetry.entrypoints.shared.readiness import ReceiverProbe
from telemetry.entrypoints.shared.reading import Reading
from telemetry.entrypoints.shared.scraping import VERSION

grants = granting.grants

PARENT: Final = "TELEMETRY_PARENT"
"""The environment variable by which workers know the process with which they end."""

URL: Final = "TELEMETRY_URL"
"""The environment variable by which workers know where they answer."""

_FAULTS_EVERY_S: Final = 1.0
_REFUSALS_EVERY_S: Final = 10.0
_STALE: Final = Event()  # set when this process ends because only another one can reach the queue
_STALE_MARK: Final = "stale"  # the file by which a worker says that to its receiver
_LONGEST: Final = 200  # characters of a reason, which may quote what was sent


class ReceiverOptions(msgspec.Struct, frozen=True):
    """Where to listen, with how many processes."""

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Annotated[int, Meta(ge=1, le=1024)] = 1
    canary: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("receiver", __doc__)
    parser.add(
        ReceiverOptions,
        host="ADDRESS: to listen on",
        port="PORT: to listen on",
        workers="N: processes to listen with",
    )
    parser.add_argument(
        "--canary",
        action="store_true",
        help="send a synthetic record a second, look for it in the store, and count what is lost",
    )
    options = parser.read(arguments).to(ReceiverOptions)
    configured = settings.load()
    # What is wrong is said once, and not by every worker again and again.
    grants(configured)
    runtime.check_address(options.host, options.port)
    if options.workers > 1:
        asyncio.run(_open_queue(configured))
    if options.canary:
        os.environ[CANARY] = "1"
    os.environ[URL] = f"http://{options.host}:{options.port}"
    # Uvicorn stops in order at SIGTERM and then raises it anew, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    config = server.configure(
        "telemetry.entrypoints.roles.receiver:create",
        (options.host, options.port),
        configured.connection_limits,
        workers=options.workers,
        stop_s=round(configured.shutdown_timeout),
    )
    with _shared_folder() if options.workers > 1 else nullcontext() as shared:
        server.serve(config)
        return int(_STALE.is_set() or bool(shared and (shared / _STALE_MARK).exists()))


async def _open_queue(configured: Settings) -> None:
    """Make the queue if need be, and say once for all workers how it stands."""
    queue = Container(settings=configured).queue()
    try:
        await standing.say(queue, log.configure(configured, "Receiver"))
    finally:
        await queue.close()


@contextmanager
def _shared_folder() -> Iterator[Path]:
    """Make the folder in which workers meet, and remove those of receivers that were killed."""
    with scratch.folder("telemetry-workers-") as shared:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)  # where the workers' counters meet
        os.environ[SHARED_DIR] = str(shared)
        granting.share_secret(shared)
        os.environ[PARENT] = str(os.getpid())
        yield shared


def _end_stale() -> None:
    """End this process, and the receiver whose worker it may be, for a supervisor to start another."""
    _STALE.set()
    if shared := os.environ.get(SHARED_DIR):
        Path(shared, _STALE_MARK).touch()
        os.kill(int(os.environ[PARENT]), signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


def create() -> Litestar:
    """Make the application of one process from the environment."""
    if parent := os.environ.get(PARENT):
        children.end_with(int(parent))
    configured = settings.load()
    logger = log.configure(configured, "Receiver")
    if configured.queue_backend == "memory":
        logger.warning("QUEUE_BACKEND=memory: records die with this process, and no consumer can reach them")
    renewal = Renewal(configured, logger)
    app = assemble(Container(settings=configured), renewal.first(), logger, renewal)
    runtime.spare_collector()
    return app


def assemble(
    container: Container, who: Sequence[Grant], logger: Log, renewal: Renewal | None = None
) -> Litestar:
    """Make an application that takes records from `who`, and later from those whom `renewal` names."""
    configured, clock, queue, outbox = (
        container.settings(),
        container.clock(),
        container.queue(),
        container.outbox(),
    )
    keyring = Keyring(who, clock, granting.dues(), renewal.renewed if renewal else None)
    sessions = Sessions(granting.session_secret(), keyring, clock)
    reading = Reading(configured, clock)
    last_send = LastSend()
    said = Said(clock, logger)
    buffer = Buffer(configured.ingest_max_waiting, lambda: outbox.waiting)
    metrics = ReceiverMetrics(VERSION, configured.data_dir, lambda: buffer.held + outbox.waiting)
    file = configured.queue_file if configured.queue_backend == "sqlite" else None
    traces = tracing.make("receiver", configured)
    desk = Desk(
        ingest=container.ingest(tracing=traces),
        keyring=keyring,
        clock=clock,
        metrics=metrics,
        max_body=configured.ingest_max_body,
        max_records=configured.ingest_max_records,
        buffer=buffer,
        last_send=last_send,
        probe=ReceiverProbe(queue, last_send, clock, file),
        access=Access(configured.admin_access, keyring, clock, sessions),
        on_rejected=said.on_rejected,
        hours=container.hours(),
        feed=Feed(reading, clock),
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with opened(container.queue, container.outbox, container.archive_reader, lambda: reading):
            if SHARED_DIR not in os.environ:
                await standing.say(queue, logger)
            with _reloading(keyring, configured.api_keys_file), tracing.handed_over(traces):
                async with (
                    _canary(container, metrics),
                    telling.telling(
                        "receiver", configured.data_dir, metrics.tallies, clock, os.environ.get(URL, "")
                    ),
                ):
                    notify.ready()
                    yield
                    notify.stopping()

    return create_app(
        desk,
        VERSION,
        said.on_error,
        lifespan,
    )


@asynccontextmanager
async def _canary(container: Container, metrics: ReceiverMetrics) -> AsyncIterator[None]:
    """Have a canary while the context lasts, if this process should."""
    if CANARY not in os.environ:
        yield
        return
    async with opened(container.storage):
        probing = Probing(
            container.outbox(), container.queue(), container.storage(), metrics, container.clock()
        )
        async with probing.going_on():
            yield


class Said:
    """What the log says of what was not taken: no more than one line a kind and period."""

    def __init__(self, clock: Clock, logger: Log) -> None:
        self._log = logger
        self._faults = Repeated(clock, _FAULTS_EVERY_S)
        self._refusals = Repeated(clock, _REFUSALS_EVERY_S)

    async def on_error(self, error: Exception, scope: Scope) -> None:
        if isinstance(error, QueueUnavailableError):
            self._faults.happened(
                "queue",
                lambda n: self._log.error("Queue unavailable, answered 503", error=str(error), count=n),
            )
            if runtime.is_stale(error) and not _STALE.is_set():
                self._log.error(runtime.STALE, error=str(error))
                _end_stale()
        elif isinstance(error, StoreUnavailableError):
            self._faults.happened(
                "store",
                lambda n: self._log.error("Store unavailable, answered 503", error=str(error), count=n),
            )
        elif not isinstance(error, EXPECTED):
            self._faults.happened(
                type(error).__name__,
                lambda n: self._log.error("Request failed, answered 500", exc_info=error, count=n),
            )
        elif intake.is_meant(scope):
            self._refused(str(scope["state"].get(SENDER) or getattr(error, "sender", "-")), error)

    def on_rejected(self, key: str, reasons: Mapping[str, int]) -> None:
        for reason, count in reasons.items():
            say = partial(self._say_rejected, key, reason)
            self._refusals.happened((key, reason), say, count)

    def _refused(self, key: str, error: Exception) -> None:
        status, why = problem.of(error).status_code, str(problem.of(error).detail)[:_LONGEST]
        self._refusals.happened(
            (key, status),
            lambda n: self._log.warning("Requests refused", key=key, status=status, count=n, error=why),
        )

    def _say_rejected(self, key: str, reason: str, count: int) -> None:
        self._log.warning("Records rejected", key=key, reason=reason, count=count)


@contextmanager
def _reloading(keyring: Keyring, file: Path | None) -> Iterator[None]:
    """Read the file of keys at SIGHUP; without one, that signal ends the process as ever."""
    if not file:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: keyring.look(closely=True))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
