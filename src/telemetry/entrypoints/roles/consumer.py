"""`telemetry consumer`: carries what the queue holds to the raw store until it is told to stop."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import msgspec

from telemetry.domain.store.consume import Consume, Stored
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.settings import Settings

_PATIENCE: Final = 0.5  # seconds a turn waits for a message, and so how late a signal is seen
_FIRST_PAUSE: Final = 0.5  # seconds after a failure; doubled after each that follows
_LONGEST_PAUSE: Final = 30.0

_OUT_OF_REACH: Final = (QueueUnavailableError, OSError)


def main(arguments: Sequence[str] = ()) -> int:
    argparse.ArgumentParser("telemetry consumer", description=__doc__).parse_args(arguments)
    configured = settings.load()
    container = Container(settings=configured)
    logger = log.configure(configured, "Consumer")
    runtime.spare_collector()
    return runtime.run(lambda stopping: _run(container, logger, stopping))


async def _run(container: Container, logger: Log, stopping: asyncio.Event) -> int:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(container.storage().close)
        stack.push_async_callback(container.queue().close)
        return await serve(container.consume(), container.settings(), logger, stopping)


async def serve(consume: Consume, configured: Settings, logger: Log, stopping: asyncio.Event) -> int:
    """Take turns until `stopping` is set, then store or hand back what is held; return the exit status."""
    logger.info("Started", queue=configured.queue_backend, storage=configured.storage_backend)
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(_renew(consume, logger, configured.queue_visibility_timeout / 4))
        await _take_turns(consume, logger, stopping)
        renewing.cancel()
    try:
        async with asyncio.timeout(configured.shutdown_timeout):
            _report(logger, await consume.stop())
    except (*_OUT_OF_REACH, TimeoutError) as error:
        logger.error("Stopped without having stored what was held; it comes again", error=repr(error))
        return 1
    return 0


async def _take_turns(consume: Consume, logger: Log, stopping: asyncio.Event) -> None:
    wait = _FIRST_PAUSE
    while not stopping.is_set():
        try:
            _report(logger, await consume(_PATIENCE))
            wait = _FIRST_PAUSE
        except _OUT_OF_REACH as error:
            logger.error("Turn failed, nothing is lost, trying again", error=str(error), seconds=wait)
            await runtime.pause(stopping, wait)
            wait = min(2 * wait, _LONGEST_PAUSE)


async def _renew(consume: Consume, logger: Log, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await consume.renew()
        except QueueUnavailableError as error:
            logger.warning("Leases were not extended, messages may come twice", error=str(error))


def _report(logger: Log, stored: Stored | None) -> None:
    """Log the canonical line of a batch."""
    if stored is None:
        return
    latency = stored.latency
    facts: dict[str, Any] = {"size": stored.records}
    if latency:
        facts |= {
            "e2e_latency_p95": latency.end_to_end.p95,
            "queue_latency_p95": latency.queue.p95,
            "processing_latency": latency.processing.p95,
            "latency": msgspec.to_builtins(latency),
        }
    facts |= {name: getattr(stored, name) for name in ("messages", "objects")} | {"bytes": stored.size}
    unusual = ("skewed", "quarantined", "redelivered", "undeleted")
    facts |= {name: count for name in unusual if (count := getattr(stored, name))}
    logger.info("Batch processed", **facts)
