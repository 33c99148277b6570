"""The file of the embedded queue: how it is opened, how full it may be, and when a send is on the disk."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.queue.sqlite.watch import part
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.queue.sqlite_file import open_queue


async def test_a_send_is_committed_and_synced_in_full_and_nothing_else_waits_for_the_disk(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    committed: list[str] = []
    mode = ""

    def trace(statement: str) -> None:
        nonlocal mode
        if statement.startswith("PRAGMA synchronous"):
            mode = statement.rpartition(" ")[2]
        elif statement == "COMMIT":
            committed.append(mode)

    await queue._run(queue._messages.db.set_trace_callback, trace)
    await queue.send([b"x"])
    (delivery,) = await queue.receive(1, 0)
    await queue.extend([delivery.handle], 1)
    await queue.delete([delivery.handle])
    assert committed == ["FULL", "NORMAL", "NORMAL", "NORMAL"]
    assert await queue._run(lambda: queue._messages.db.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    await queue.close()


async def test_a_queue_of_version_1_is_taken_over_with_all_that_it_holds(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "queue.db")) as db:
        db.executescript("""
            CREATE TABLE messages (
                number INTEGER PRIMARY KEY AUTOINCREMENT, sent INTEGER NOT NULL, visible INTEGER NOT NULL,
                receives INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL
            );
            INSERT INTO messages (sent, visible, receives, dead, body)
            VALUES (1, 1, 0, 0, x'61'), (2, 2, 5, 1, x'62'), (3, 3, 1, 0, x'63');
            PRAGMA user_version = 1;
        """)
    queue, other = open_queue(tmp_path / "queue.db"), open_queue(tmp_path / "queue.db")
    await other.send([b"d"])
    assert [each.body for each in await queue.dead(10)] == [b"b"]
    deliveries = await queue.receive(10, 0)
    assert [(each.body, each.receives) for each in deliveries] == [(b"a", 1), (b"c", 2), (b"d", 1)]
    assert await queue.delete([each.handle for each in deliveries]) == []
    await queue.close()
    await other.close()


async def test_a_queue_of_version_2_is_taken_over_and_its_leases_by_the_wall_clock_are_over(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "queue.db")) as db:
        db.executescript("""
            CREATE TABLE messages (
                number INTEGER PRIMARY KEY AUTOINCREMENT, sent INTEGER NOT NULL, visible INTEGER NOT NULL,
                receives INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0
            );
            CREATE TABLE bodies (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
            INSERT INTO messages (sent, visible, receives, dead)
            VALUES (1, 1, 0, 0), (2, 2, 5, 1), (3, 99999999999999, 4, 0);
            INSERT INTO bodies (body) VALUES (x'61'), (x'62'), (x'63');
            PRAGMA user_version = 2;
        """)
    queue = open_queue(tmp_path / "queue.db")
    assert await queue.depth() == Depth(ready=2, leased=0, dead=1)
    assert [each.body for each in await queue.dead(10)] == [b"b"]
    assert [(each.body, each.receives) for each in await queue.receive(10, 0)] == [(b"a", 1), (b"c", 5)]
    await queue.close()


async def test_what_was_on_lease_when_the_machine_stopped_is_ready_at_once_when_it_has_started(
    tmp_path: Path,
):
    queue = open_queue(tmp_path / "queue.db", clock=ManualClock(monotonic_s=90_000))
    await queue.send([b"x"])
    await queue.receive(1, 0)
    await queue.close()
    queue = open_queue(tmp_path / "queue.db", clock=ManualClock(monotonic_s=60))
    assert await queue.depth() == Depth(ready=1, leased=0, dead=0)
    (delivery,) = await queue.receive(1, 0)
    assert (delivery.body, delivery.receives) == (b"x", 2)
    await queue.close()


async def fill(queue: SqliteQueue, path: Path, max_size: int) -> int:
    """Send until the queue is full; return how many messages it took."""
    for sent in range(1000):
        try:
            await queue.send([bytes(50_000)])
        except QueueUnavailableError as error:
            assert "QUEUE_MAX_BYTES" in str(error)  # noqa: PT017  # the number of those before it is looked for
            return sent
        assert sum(each.stat().st_size for each in (path, part(path, "-wal"))) <= max_size
    raise AssertionError("it was never full")


async def test_a_full_queue_refuses_by_the_name_of_its_setting_and_takes_again_once_emptied(tmp_path: Path):
    path, max_size = tmp_path / "queue.db", 1_000_000
    queue = open_queue(path, max_size)
    took = []
    for _ in range(3):
        took.append(await fill(queue, path, max_size))
        deliveries = await queue.receive(100, 0)
        assert (
            len(deliveries) == took[-1]
        )  # what was refused left nothing behind, and receiving needs no room
        await queue.delete([delivery.handle for delivery in deliveries])
    assert took[0] * 50_000 > max_size / 2
    assert took[1] == took[2] >= took[0]
    await queue.close()


async def test_a_disk_that_is_almost_full_is_left_to_the_consumer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    queue = open_queue(tmp_path / "queue.db", reserve=16_000_000)
    await queue.send([b"x"])
    real = os.statvfs(tmp_path)
    left = SimpleNamespace(
        f_blocks=real.f_blocks, f_frsize=real.f_frsize, f_bavail=16_020_000 // real.f_frsize
    )
    monkeypatch.setattr(os, "statvfs", lambda _: left)
    with pytest.raises(QueueUnavailableError, match="QUEUE_RESERVE_BYTES"):
        await queue.send([bytes(600_000)] * 2)
    with pytest.raises(QueueUnavailableError, match="QUEUE_RESERVE_BYTES"):  # also to who only asks
        await queue.send([])
    (delivery,) = await queue.receive(1, 0)
    assert await queue.delete([delivery.handle]) == []
    left.f_bavail *= 2
    await queue.send([bytes(600_000)] * 2)
    await queue.close()


async def test_of_a_small_disk_a_quarter_is_left_at_the_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    queue = open_queue(tmp_path / "queue.db", reserve=16_000_000)
    small = SimpleNamespace(f_blocks=2_000, f_frsize=4096, f_bavail=1_000)
    monkeypatch.setattr(os, "statvfs", lambda _: small)
    await queue.send([])
    small.f_bavail = 500
    with pytest.raises(QueueUnavailableError, match="last 2048000 bytes are kept"):
        await queue.send([])
    await queue.close()


async def test_a_file_that_is_no_queue_is_left_alone_and_named(tmp_path: Path):
    text, other, newer = (tmp_path / name for name in ("text.db", "other.db", "newer.db"))
    text.write_bytes(b"This is no database at all, but long enough to look like one." * 100)
    for path, statement in ((other, "CREATE TABLE theirs (x)"), (newer, "PRAGMA user_version = 99")):
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()
    for path in (text, other, newer):
        before = path.read_bytes()
        with pytest.raises(QueueUnavailableError, match=path.name):
            open_queue(path)
        assert path.read_bytes() == before


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(QueueUnavailableError, match=r"file/queue\.db \(DATA_DIR\)"):
        open_queue(tmp_path / "file" / "queue.db")


@pytest.mark.parametrize("kind", ["a text", "a folder", "below a file"])
def test_what_cannot_be_opened_leaves_no_thread_behind(tmp_path: Path, kind: str):
    (tmp_path / "text").write_bytes(b"no database" * 1000)
    (tmp_path / "folder").mkdir()
    path = {"a text": "text", "a folder": "folder", "below a file": "text/queue.db"}[kind]
    with pytest.raises(QueueUnavailableError, match=str(tmp_path / path)):
        open_queue(tmp_path / path)
    assert [each for each in threading.enumerate() if each.name.startswith("queue")] == []


async def test_opening_waits_for_others_that_open_and_gives_up_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("telemetry.adapters.queue.sqlite.file._BUSY_S", 0.05)
    other = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(QueueUnavailableError, match="locked"):
        open_queue(tmp_path / "queue.db")
    other.execute("ROLLBACK")
    other.close()
    await open_queue(tmp_path / "queue.db").close()


async def test_a_file_that_others_open_just_now_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    refused = 0
    connect: Any = sqlite3.connect
    with closing(connect(tmp_path / "queue.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")

        def try_to_connect(*args: Any, **options: Any) -> Any:
            nonlocal refused
            refused += 1
            if refused == 3:
                other.execute("ROLLBACK")
            return connect(*args, **(options | {"timeout": 0}))

        monkeypatch.setattr(sqlite3, "connect", try_to_connect)
        queue = open_queue(tmp_path / "queue.db")
    assert refused == 3
    await queue.close()


async def test_a_queue_that_was_closed_says_so_and_may_be_closed_again(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    await queue.close()
    await queue.close()
    with pytest.raises(QueueUnavailableError, match="closed"):
        await queue.send([b"x"])


async def test_a_lock_that_is_held_for_long_is_an_unavailable_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("telemetry.adapters.queue.sqlite.file._BUSY_S", 0.01)
    queue = open_queue(tmp_path / "queue.db")
    other = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(QueueUnavailableError, match="locked"):
        await queue.send([b"x"])
    other.execute("ROLLBACK")
    other.close()
    await queue.send([b"x"])
    assert (await queue.depth()).ready == 1
    await queue.close()


@pytest.mark.parametrize("how", ["FAIL", "ROLLBACK"])
async def test_a_send_that_fails_half_way_sends_nothing_and_says_why(tmp_path: Path, how: str):
    queue = open_queue(tmp_path / "queue.db")
    with closing(sqlite3.connect(tmp_path / "queue.db")) as other:
        other.execute(f"""
            CREATE TRIGGER refuse BEFORE INSERT ON bodies WHEN NEW.body = x'62'
            BEGIN SELECT RAISE({how}, 'disk is full'); END
        """)
    with pytest.raises(QueueUnavailableError, match=r"\(DATA_DIR\) cannot be used: disk is full"):
        await queue.send([b"a", b"b", b"c"])
    assert await queue.depth() == Depth(0, 0, 0)
    await queue.send([b"a"])
    await queue.close()


async def test_a_lease_begins_when_the_lock_is_held_and_not_when_it_was_asked_for(tmp_path: Path):
    clock = ManualClock()
    queue = open_queue(tmp_path / "queue.db", clock=clock)
    await queue.send([b"x"])
    with closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        receiving = asyncio.create_task(queue.receive(1, 0))
        await asyncio.sleep(0.05)  # by now it waits for the lock; if it does not yet, the test shows less
        clock.advance(20)
        other.execute("ROLLBACK")
    (delivery,) = await receiving
    clock.advance(29)
    assert await queue.delete([delivery.handle]) == []
    await queue.close()
