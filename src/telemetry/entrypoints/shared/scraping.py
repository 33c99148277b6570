"""What roles that do not listen otherwise need so that Prometheus can ask them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, Protocol

import msgspec

from telemetry.domain.errors import UsageError
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.queue import Queue, QueueUnavailableError
from telemetry.entrypoints.process import runtime
from telemetry.entrypoints.process.extras import DISTRIBUTION
from telemetry.entrypoints.process.options import Parser, Port

VERSION: Final = version(DISTRIBUTION)
_ASK_EVERY_S: Final = 10.0


class ScrapeOptions(msgspec.Struct, frozen=True):
    """Where metrics are served; nowhere without a port."""

    metrics_host: str = "127.0.0.1"
    metrics_port: Port | None = None


class Metrics(Protocol):
    """Metrics that can be served."""

    def serve(self, host: str, port: int) -> None:
        """Answer scrapes until the process ends."""
        ...


class QueueMetrics(Metrics, Protocol):
    """Metrics that also show what a queue holds."""

    def holds(self, depth: Depth | None, oldest_s: float | None = None) -> None:
        """Note what the queue holds, if it could be asked."""
        ...


def add_options(parser: Parser) -> None:
    """Add the options that say where metrics are served."""
    parser.add(
        ScrapeOptions,
        metrics_port="PORT: to serve metrics for Prometheus on; without it there are none",
        metrics_host="ADDRESS: to serve them on",
    )


def check(options: ScrapeOptions) -> None:
    """Raise UsageError naming the option if metrics cannot be served there."""
    if options.metrics_port:
        runtime.check_address(options.metrics_host, options.metrics_port, "metrics-")
    elif options.metrics_host != ScrapeOptions().metrics_host:
        raise UsageError("--metrics-host: metrics are served only with --metrics-port")


def serve(metrics: Metrics, options: ScrapeOptions) -> None:
    """Serve metrics, if that is asked for."""
    if options.metrics_port:
        metrics.serve(options.metrics_host, options.metrics_port)


@asynccontextmanager
async def served(metrics: QueueMetrics, options: ScrapeOptions, queue: Queue) -> AsyncIterator[None]:
    """Serve metrics, if that is asked for, and ask the queue from time to time while the context lasts."""
    if not options.metrics_port:
        yield
        return
    serve(metrics, options)
    asking = asyncio.create_task(_ask(queue, metrics))
    try:
        yield
    finally:
        asking.cancel()


async def _ask(queue: Queue, metrics: QueueMetrics) -> None:
    while True:
        try:
            metrics.holds(await queue.depth(), await oldest_s(queue))
        except QueueUnavailableError:
            metrics.holds(None)
        await asyncio.sleep(_ASK_EVERY_S)


async def oldest_s(queue: Queue) -> float | None:
    """Return how long ago the oldest message was sent; None if there is none, or that is not said."""
    sent_ms = await queue.oldest_ms()
    return None if sent_ms is None else max(0.0, time.time() - sent_ms / 1000)
