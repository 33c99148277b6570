"""`telemetry consumer`: carries what the queue holds to the raw store until it is told to stop."""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.coordination.carrying import Carrier
from telemetry.domain.errors import OutOfReachError, TelemetryError
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import NewObject, StoredBatch
from telemetry.domain.store.storage import Storage
from telemetry.domain.throttle import Throttle
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.queue import Queue
from telemetry.entrypoints.process import log, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import scraping, standing, telling, tracing
from telemetry.entrypoints.shared.scraping import ScrapeOptions

if TYPE_CHECKING:
    from telemetry.adapters.traces import OtelTracing

_AGAIN_S: Final = 60.0  # between two lines about the same fault
_NAMED: Final = 5  # folders in one line
_UNREACHED: Final = {
    "receive": "The queue cannot be received from, trying again",
    "delete": "What is stored cannot be deleted from the queue, trying again",
    "extend": "Leases were not extended, messages may come twice",
}


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("consumer", __doc__)
    scraping.add_options(parser)
    options = parser.read(arguments).to(ScrapeOptions)
    configured = settings.load()
    scraping.check(options)
    container = Container(settings=configured)
    logger = log.configure(configured, "Consumer")
    runtime.spare_collector()
    return runtime.run(lambda stopping: _run(container, logger, options, stopping))


async def _run(container: Container, logger: Log, options: ScrapeOptions, stopping: asyncio.Event) -> int:
    configured = container.settings()
    async with opened(container.queue, container.storage):
        await standing.say(container.queue(), logger)
        metrics = ConsumerMetrics(scraping.VERSION, configured.data_dir)
        consumer = make(container, logger)
        with Heartbeat(configured.data_dir, "consumer") as heartbeat:
            async with (
                scraping.served(metrics, options, container.queue()),
                telling.telling("consumer", configured.data_dir, metrics.tallies, container.clock()),
            ):
                traces = tracing.make("consumer", configured)
                with tracing.handed_over(traces):
                    report = Report(consumer, logger, heartbeat, metrics, stopping)
                    report.traces = traces
                    return await serve(consumer, configured, report)


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
            self._logger.debug("Received", messages=len(deliveries))
        return deliveries

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        refused = await self._queue.delete(handles)
        self._logger.debug("Deleted", messages=len(handles) - len(refused), refused=len(refused))
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


async def serve(consumer: Consumer, configured: Settings, report: "Report") -> int:
    """Carry until told to stop, then store or hand back what is held; return the exit status."""
    logger = report.logger
    logger.info("Started", queue=configured.queue_backend, storage=configured.storage_backend)
    carrier = Carrier(consumer, report, configured.queue_visibility_timeout / 4, configured.shutdown_timeout)
    try:
        handed_back = await carrier.run(report.stopping)
    except (OutOfReachError, TimeoutError) as error:
        logger.error("Stopped without having stored what was held; it comes again", error=repr(error))
        return 1
    if handed_back:
        logger.error("Stopped without having stored all; the rest was handed back", messages=handed_back)
    return int(handed_back > 0 or report.is_stale)


class Report:
    """Counts what a consumer did, and says it in the log, and once a minute what it cannot do."""

    def __init__(
        self,
        consumer: Consumer,
        logger: Log,
        heartbeat: Heartbeat,
        metrics: ConsumerMetrics,
        stopping: asyncio.Event,
    ) -> None:
        self.traces: OtelTracing | None = None
        self.logger = logger
        self.stopping = stopping
        self._consumer = consumer
        self._heartbeat = heartbeat
        self._metrics = metrics
        self._clock = SystemClock()
        self._throttle = Throttle(_AGAIN_S)
        self._unwritten: set[str] = set()  # folders that were not named yet
        self._was_held_back = False
        self.is_stale = False  # only another process can go on

    def turned(self) -> None:
        self._carries()
        if not self._consumer.held_back:
            self._heartbeat.beat()

    def stored(self, batch: StoredBatch) -> None:
        self._heartbeat.beat()
        self._carries()
        if batch.messages:  # and not only records of canaries
            self._metrics.stored(batch)
            if self.traces:
                self.traces.stored(batch)
            _say_stored(self.logger, batch)
        if self._was_held_back and not self._consumer.held_back:
            self._was_held_back = False
            self._unwritten.clear()
            self.logger.info("All that was held back is stored")

    def _carries(self) -> None:
        self._metrics.carries(self._consumer.in_flight, self._consumer.held_back)

    def unwritten(self, new: NewObject, error: TelemetryError) -> None:
        self._was_held_back = True
        self._metrics.failed("write", str(error))
        self._unwritten.add(new.folder)
        if self._throttle.admit("write", self._clock.monotonic_s()):
            self._say_unwritten(error)
        self._end_if_stale(error)

    def unreached(self, verb: str, error: OutOfReachError) -> None:
        self._metrics.failed(verb, str(error))
        if self._throttle.admit(verb, self._clock.monotonic_s()):
            self.logger.error(_UNREACHED[verb], error=str(error))
        self._end_if_stale(error)

    def _end_if_stale(self, error: TelemetryError) -> None:
        """End the process, for a supervisor to start another one with credentials that are valid."""
        if runtime.is_stale(error) and not self.is_stale:
            self.is_stale = True
            self.stopping.set()
            self.logger.error(runtime.STALE, error=str(error))

    def _say_unwritten(self, error: TelemetryError) -> None:
        """Name the folders that could not be written since this was said last, or the first of many."""
        named, self._unwritten = sorted(self._unwritten), set()
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        self.logger.error(
            "Cannot be written, nothing is lost, trying again",
            folders=" ".join(named[:_NAMED]) + more,
            held_back=self._consumer.held_back,
            error=str(error),
        )


def _say_stored(logger: Log, stored: StoredBatch) -> None:
    """Log the canonical line of a batch."""
    latency = stored.latency
    facts: dict[str, Any] = {"size": stored.records}
    if latency:
        facts |= {
            "e2e_latency_p95": latency.end_to_end.p95,
            "queue_latency_p95": latency.queue.p95,
            "processing_latency": latency.processing.p95,
            "e2e_latency_p50": latency.end_to_end.p50,
            "e2e_latency_p99": latency.end_to_end.p99,
            "latency": msgspec.to_builtins(latency),
        }
    facts |= {name: getattr(stored, name) for name in ("messages", "objects")} | {"bytes": stored.size}
    facts["reason"] = stored.reason
    unusual = ("skewed", "quarantined", "redelivered", "undeleted")
    facts |= {name: count for name in unusual if (count := getattr(stored, name))}
    logger.info("Batch processed", **facts)
    if latency:
        for stage in latency.__struct_fields__:
            logger.debug("Batch latency", stage=stage, **msgspec.to_builtins(getattr(latency, stage)))
