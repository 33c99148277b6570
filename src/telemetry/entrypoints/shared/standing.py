"""How the queue of a role stands when the role starts: whether its file is new, and what it holds."""

from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.queue import Queue, QueueUnavailableError
from telemetry.entrypoints.process.log import Log


async def say(queue: Queue, logger: Log) -> None:
    """Log one line about the embedded queue; a service has others who say it."""
    if not isinstance(queue, SqliteQueue):
        return
    kind = "new" if queue.is_new else "existing"
    try:
        depth = await queue.depth()
        await queue.send([])  # which is refused where the queue is damaged or full
    except QueueUnavailableError as error:
        logger.error("Queue opened, and takes nothing", file=kind, error=str(error))
    else:
        facts = {"ready": depth.ready, "leased": depth.leased, "dead": depth.dead}
        logger.info("Queue opened", path=str(queue.path), file=kind, **facts)
