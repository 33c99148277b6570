"""A role says at its start how its queue stands."""

from pathlib import Path

from structlog.stdlib import get_logger
from structlog.testing import capture_logs

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite.watch import mark
from telemetry.domain.transport.queue import Queue
from telemetry.entrypoints.shared import standing
from tests.adapters.queue.sqlite_file import open_queue
from tests.fakes import FailingQueue


async def said(queue: Queue) -> list[dict[str, object]]:
    with capture_logs() as lines:
        await standing.say(queue, get_logger())
    await queue.close()
    return [dict(line) for line in lines]


async def test_one_line_says_whether_the_file_is_new_and_what_it_holds(tmp_path: Path):
    path = tmp_path / "queue.db"
    queue = open_queue(path)
    await queue.send([b"a", b"b"])
    await queue.receive(1, 0)
    counts = {"ready": 1, "leased": 1, "dead": 0}
    line = {"event": "Queue opened", "log_level": "info", "path": str(path), **counts}
    assert await said(queue) == [{**line, "file": "new"}]
    assert await said(open_queue(path)) == [{**line, "file": "existing"}]


async def test_a_damaged_queue_is_said_at_the_start(tmp_path: Path):
    path = tmp_path / "queue.db"
    mark(path).write_text("a page is bad\n")
    (line,) = await said(open_queue(path))
    assert line["log_level"] == "error"
    assert "a page is bad; stop all roles, and run telemetry queue recover" in str(line["error"])


async def test_of_another_queue_it_says_nothing():
    assert await said(FailingQueue(SystemClock())) == []
