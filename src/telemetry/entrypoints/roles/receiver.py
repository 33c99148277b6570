"""`telemetry receiver`: takes records over HTTP and answers once they cannot be lost any more."""

import argparse
import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from importlib.metadata import version

import msgspec
import uvicorn
from litestar import Litestar
from litestar.types import Scope

from telemetry.adapters.http.app import EXPECTED, create_app
from telemetry.adapters.http.auth import Grant, Keyring
from telemetry.adapters.http.intake import Desk
from telemetry.adapters.http.metrics import Metrics
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.settings import Settings, SettingsError


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes to listen with (default: %(default)s)"
    )
    chosen = parser.parse_args(arguments)

    configured = settings.load()
    # What is wrong is said once, and not by every worker again and again.
    grants(configured)
    if chosen.workers > 1:
        asyncio.run(Container(settings=configured).queue().close())
    # Uvicorn stops in order at SIGTERM and then raises it anew, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="telemetry-metrics-") as shared:
        if chosen.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared  # where the workers' counters meet
        uvicorn.run(
            "telemetry.entrypoints.roles.receiver:create",
            factory=True,
            host=chosen.host,
            port=chosen.port,
            workers=chosen.workers,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here asks who the client is; its key says it
            timeout_graceful_shutdown=round(configured.shutdown_timeout),
        )
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
    desk = Desk(
        ingest=container.ingest(),
        keyring=Keyring(who, container.clock()),
        clock=container.clock(),
        metrics=Metrics(),
        max_body=container.settings().ingest_max_body,
        depth=container.queue().depth,
    )

    async def on_error(error: Exception, _scope: Scope) -> None:
        if isinstance(error, QueueUnavailableError):
            logger.error("Queue unavailable, answered 503", error=str(error))
        elif not isinstance(error, EXPECTED):
            logger.error("Request failed, answered 500", exc_info=error)

    app = create_app(desk, version("telemetry"), on_error)
    app.on_shutdown.append(container.queue().close)
    return app


def grants(configured: Settings) -> Sequence[Grant]:
    """Read who may send. Raises SettingsError if nobody may, or a file of keys cannot be read."""
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
