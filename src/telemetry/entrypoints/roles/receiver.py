"""`telemetry receiver`: takes records over HTTP and answers once they cannot be lost any more."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import msgspec
from litestar import Litestar
from litestar.types import Scope
from msgspec import Meta

from telemetry.adapters.http import server
from telemetry.adapters.http.app import EXPECTED, create_app
from telemetry.adapters.http.auth import Grant, Keyring
from telemetry.adapters.http.intake import Buffer, Desk
from telemetry.adapters.http.metrics import Metrics
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, Port
from telemetry.entrypoints.process.settings import Settings, SettingsError


class ReceiverOptions(msgspec.Struct, frozen=True):
    """Where to listen, with how many processes."""

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Annotated[int, Meta(ge=1, le=1024)] = 1


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("receiver", __doc__)
    parser.add(
        ReceiverOptions,
        host="ADDRESS: to listen on",
        port="PORT: to listen on",
        workers="N: processes to listen with",
    )
    options = parser.read(arguments).to(ReceiverOptions)
    configured = settings.load()
    # What is wrong is said once, and not by every worker again and again.
    grants(configured)
    runtime.check_address(options.host, options.port)
    if options.workers > 1:
        asyncio.run(Container(settings=configured).queue().close())
    # Uvicorn stops in order at SIGTERM and then raises it anew, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    config = server.configure(
        "telemetry.entrypoints.roles.receiver:create",
        (options.host, options.port),
        configured.connection_limits,
        workers=options.workers,
        stop_s=round(configured.shutdown_timeout),
    )
    with tempfile.TemporaryDirectory(prefix="telemetry-metrics-") as metrics:
        if options.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # where the workers' counters meet
        server.serve(config)
    return 0


def create() -> Litestar:
    """Make the application of one process from the environment."""
    configured = settings.load()
    logger = log.configure(configured, "Receiver")
    if configured.queue_backend == "memory":
        logger.warning("QUEUE_BACKEND=memory: records die with this process, and no consumer can reach them")
    app = assemble(Container(settings=configured), grants(configured), logger)
    runtime.spare_collector()
    return app


def assemble(container: Container, who: Sequence[Grant], logger: Log) -> Litestar:
    """Make an application that takes records from `who`."""
    outbox = container.outbox()
    desk = Desk(
        ingest=container.ingest(),
        keyring=Keyring(who, container.clock()),
        clock=container.clock(),
        metrics=Metrics(),
        max_body=container.settings().ingest_max_body,
        max_records=container.settings().ingest_max_records,
        buffer=Buffer(container.settings().ingest_max_waiting, lambda: outbox.waiting),
        depth=container.queue().depth,
    )

    async def on_error(error: Exception, _scope: Scope) -> None:
        if isinstance(error, QueueUnavailableError):
            logger.error("Queue unavailable, answered 503", error=str(error))
        elif not isinstance(error, EXPECTED):
            logger.error("Request failed, answered 500", exc_info=error)

    return create_app(
        desk, version("battery-telemetry"), on_error, lambda _: opened(container.queue, container.outbox)
    )


def grants(configured: Settings) -> Sequence[Grant]:
    """Read who may send. Raise SettingsError if nobody may, or a file of keys cannot be read."""
    found: list[Grant] = []
    if configured.api_key:
        found.append(Grant(configured.api_key, rate=configured.ingest_rate))
    if configured.api_keys_file:
        try:
            found += msgspec.json.decode(configured.api_keys_file.read_bytes(), type=list[Grant])
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError(f"API_KEYS_FILE: {error}") from error
    if not found:
        raise SettingsError("API_KEY: not set; nobody could send")
    return found
