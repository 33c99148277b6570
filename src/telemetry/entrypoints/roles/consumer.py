"""`telemetry consumer`: carries what the queue holds to the raw store until it is told to stop."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from telemetry.domain.backoff import Backoff
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import StoredBatch
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.queue import Queue, QueueUnavailableError
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings

_PATIENCE_S: Final = 0.5  # how long a turn waits for a message, and so how late a signal is seen
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


def main(arguments: Sequence[str] = ()) -> int:
    Parser.of("consumer", __doc__).read(arguments)
    configured = settings.load()
    container = Container(settings=configured)
    logger = log.configure(configured, "Consumer")
    runtime.spare_collector()
    return runtime.run(lambda stopping: _run(container, logger, stopping))


async def _run(container: Container, logger: Log, stopping: asyncio.Event) -> int:
    configured = container.settings()
    async with opened(container.queue, container.storage):
        with Heartbeat(configured.data_dir, "consumer") as heartbeat:
            return await serve(make(container, logger), configured, logger, stopping, heartbeat)


def make(container: Container, logger: Log) -> Consumer:
    """Make the consumer. Each of its steps is logged if the log is at DEBUG, and only then."""
    if not logger.isEnabledFor(logging.DEBUG):
        return container.consumer()
    return container.consumer(
        queue=_LoggedQueue(container.queue(), logger), storage=_LoggedStorage(container.storage(), logger)
    )


class _LoggedQueue:
    """A queue whose messages are logged as they come and go; what is not here is the queue's own."""

    def __init__(self, queue: Queue, logger: Log) -> None:
        self._queue = queue
        self._logger = logger

    def __getattr__(self, verb: str) -> object:
        return getattr(self._queue, verb)

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        self._logger.debug("Polling", limit=limit, wait=float(wait_s))
        deliveries = await self._queue.receive(limit, wait_s)
        if deliveries:
            event = f"Received {screen.counted(len(deliveries), 'message')}"
            self._logger.debug(event)
        return deliveries

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        refused = await self._queue.delete(handles)
        event = f"Deleted {screen.counted(len(handles) - len(refused), 'message')}"
        self._logger.debug(event, refused=len(refused))
        return refused


class _LoggedStorage:
    """A store whose puts are logged; what is not here is the store's own."""

    def __init__(self, storage: Storage, logger: Log) -> None:
        self._storage = storage
        self._logger = logger

    def __getattr__(self, verb: str) -> object:
        return getattr(self._storage, verb)

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        self._logger.debug("Writing batch", key=key, bytes=len(data))
        await self._storage.put(key, data, overwrite=overwrite)


async def serve(
    consumer: Consumer, configured: Settings, logger: Log, stopping: asyncio.Event, heartbeat: Heartbeat
) -> int:
    """Take turns until `stopping` is set, then store or hand back what is held; return the exit status."""
    logger.info("Started", queue=configured.queue_backend, storage=configured.storage_backend)
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(_renew(consumer, logger, configured.queue_visibility_timeout / 4))
        await _take_turns(consumer, logger, stopping, heartbeat)
        renewing.cancel()
    try:
        async with asyncio.timeout(configured.shutdown_timeout):
            _report(logger, await consumer.stop())
    except (OutOfReachError, TimeoutError) as error:
        logger.error("Stopped without having stored what was held; it comes again", error=repr(error))
        return 1
    return 0


async def _take_turns(consumer: Consumer, logger: Log, stopping: asyncio.Event, heartbeat: Heartbeat) -> None:
    backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
    while not stopping.is_set():
        try:
            _report(logger, await consumer.turn(_PATIENCE_S))
        except OutOfReachError as error:
            pause_s = backoff.pause_s()
            logger.error("Turn failed, nothing is lost, trying again", error=str(error), seconds=pause_s)
            await runtime.pause(stopping, pause_s)
        else:
            backoff.reset()
            heartbeat.beat()


async def _renew(consumer: Consumer, logger: Log, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await consumer.renew()
        except QueueUnavailableError as error:
            logger.warning("Leases were not extended, messages may come twice", error=str(error))


def _report(logger: Log, stored: StoredBatch | None) -> None:
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
