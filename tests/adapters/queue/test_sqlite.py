"""What only the embedded queue promises: its file, its bound, and its keeping through the death of processes."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.clock import Clock
from telemetry.domain.transport.lease import Depth, LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError

CLOCK = SystemClock()

PROLOGUE = """
import asyncio, sys
from pathlib import Path
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.lease import LeaseTerms

queue = SqliteQueue(Path(sys.argv[1]), SystemClock(), LeaseTerms(), 10**9)
"""
SEND = """
async def main():
    for number in range(100):
        await queue.send([f"{sys.argv[2]}-{number}".encode()])
    await queue.close()
asyncio.run(main())
"""
RECEIVE = """
async def main():
    while True:
        for delivery in await queue.receive(5, 0.5):
            print(delivery.body.decode(), flush=True)
            assert not await queue.delete([delivery.handle])
asyncio.run(main())
"""
SEND_AND_STAY = """
async def main():
    await queue.send([b"durable"])
    print("sent", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


LEASE_AND_STAY = """
async def main():
    (delivery,) = await queue.receive(1, 60)
    print(delivery.receives, flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


def open_queue(path: Path, max_size: int = 10**9, clock: Clock = CLOCK) -> SqliteQueue:
    return SqliteQueue(path, clock, LeaseTerms(), max_size)


def start(script: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROLOGUE + script, str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


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

    await queue._run(queue._db.set_trace_callback, trace)
    await queue.send([b"x"])
    (delivery,) = await queue.receive(1, 0)
    await queue.extend([delivery.handle], 1)
    await queue.delete([delivery.handle])
    assert committed == ["FULL", "NORMAL", "NORMAL", "NORMAL"]
    assert await queue._run(lambda: queue._db.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
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


async def test_a_full_queue_refuses_by_the_name_of_its_setting_and_takes_again_once_emptied(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db", max_size=200_000)
    for _ in range(3):
        await queue.send([bytes(50_000)])
    with pytest.raises(QueueUnavailableError, match="QUEUE_MAX_BYTES"):
        await queue.send([bytes(50_000)])
    deliveries = await queue.receive(10, 0)
    assert len(deliveries) == 3  # what was refused left nothing behind, and receiving needs no room
    await queue.delete([delivery.handle for delivery in deliveries])
    await queue.send([bytes(50_000)])
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


async def test_a_queue_that_was_closed_says_so_and_may_be_closed_again(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    await queue.close()
    await queue.close()
    with pytest.raises(QueueUnavailableError, match="closed"):
        await queue.send([b"x"])


async def test_a_lock_that_is_held_for_long_is_an_unavailable_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("telemetry.adapters.queue.sqlite.queue._BUSY_S", 0.01)
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


async def test_opening_waits_for_others_that_open_and_gives_up_with_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("telemetry.adapters.queue.sqlite.queue._BUSY_S", 0.05)
    other = sqlite3.connect(tmp_path / "queue.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(QueueUnavailableError, match="locked"):
        open_queue(tmp_path / "queue.db")
    other.execute("ROLLBACK")
    other.close()
    await open_queue(tmp_path / "queue.db").close()


async def test_a_receive_that_is_cancelled_holds_nothing(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    await queue.send([b"x"])
    receiving = asyncio.create_task(queue.receive(1, 10))
    await asyncio.sleep(0)  # the thread has it, and may or may not have leased already
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    (delivery,) = await queue.receive(1, 10)
    assert (delivery.body, delivery.receives) == (b"x", 1)
    await queue.close()


def test_processes_that_send_and_receive_at_once_lose_nothing_and_share_nothing(tmp_path: Path):
    path = tmp_path / "queue.db"
    receivers = [start(RECEIVE, path) for _ in range(2)]
    senders = [start(SEND, path, f"sender{n}") for n in range(3)]
    for sender in senders:
        assert sender.wait(120) == 0
        sender.communicate()

    async def until_empty() -> None:
        queue = open_queue(path)
        while (depth := await queue.depth()).ready + depth.leased:
            await asyncio.sleep(0.01)
        await queue.close()

    asyncio.run(asyncio.wait_for(until_empty(), 120))
    received: list[str] = []
    for receiver in receivers:
        receiver.send_signal(signal.SIGKILL)
        received += receiver.communicate()[0].split()
    assert sorted(received) == sorted(f"sender{n}-{number}" for n in range(3) for number in range(100))


async def test_what_was_said_to_be_sent_survives_the_kill_of_its_sender(tmp_path: Path):
    sender = start(SEND_AND_STAY, tmp_path / "queue.db")
    assert await asyncio.to_thread(read_line, sender) == "sent"
    sender.kill()
    sender.communicate()
    queue = open_queue(tmp_path / "queue.db")
    assert [delivery.body for delivery in await queue.receive(10, 0)] == [b"durable"]
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


async def test_what_was_leased_for_a_receive_that_is_cancelled_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    queue = open_queue(tmp_path / "queue.db")
    await queue.send([b"x"])
    leased, go_on = threading.Event(), threading.Event()

    def receive(limit: int) -> Any:
        deliveries = SqliteQueue._receive(queue, limit)
        leased.set()
        go_on.wait()
        return deliveries

    monkeypatch.setattr(queue, "_receive", receive)
    receiving = asyncio.create_task(queue.receive(1, 60))
    await asyncio.to_thread(leased.wait)
    receiving.cancel()
    await asyncio.wait([receiving])
    go_on.set()
    monkeypatch.undo()
    assert await queue.depth() == Depth(ready=1, leased=0, dead=0)
    (delivery,) = await queue.receive(1, 0)
    assert delivery.receives == 1
    await queue.close()


async def test_a_receive_that_is_cancelled_before_its_turn_has_nothing_to_give_back(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    await queue.send([b"x"])
    go_on = threading.Event()
    busy = queue._submit(go_on.wait)
    receiving = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0)
    receiving.cancel()
    await asyncio.wait([receiving])
    go_on.set()
    assert busy.result()
    assert await queue.depth() == Depth(ready=1, leased=0, dead=0)
    await queue.close()


async def test_a_receive_may_be_cancelled_while_the_queue_is_closed(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    receiving = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0)
    ending = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    receiving.cancel()
    await ending
    with pytest.raises(asyncio.CancelledError):
        await receiving


async def test_a_receiver_that_waits_learns_that_the_queue_was_closed(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    waiting = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0.02)
    await queue.close()
    with pytest.raises(QueueUnavailableError, match="closed"):
        await waiting


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


def test_processes_that_open_a_fresh_queue_at_once_all_succeed(tmp_path: Path):
    for attempt in range(3):
        senders = [start(SEND, tmp_path / f"{attempt}.db", f"sender{n}") for n in range(4)]
        assert [sender.wait(120) for sender in senders] == [0] * 4
        for sender in senders:
            sender.communicate()


@pytest.mark.parametrize("kind", ["a text", "a folder", "below a file"])
def test_what_cannot_be_opened_leaves_no_thread_behind(tmp_path: Path, kind: str):
    (tmp_path / "text").write_bytes(b"no database" * 1000)
    (tmp_path / "folder").mkdir()
    path = {"a text": "text", "a folder": "folder", "below a file": "text/queue.db"}[kind]
    with pytest.raises(QueueUnavailableError, match=str(tmp_path / path)):
        open_queue(tmp_path / path)
    assert [each for each in threading.enumerate() if each.name.startswith("queue")] == []


async def test_what_a_killed_process_held_is_received_by_others_after_its_lease(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    await queue.send([b"x"])
    await queue.close()
    holder = start(LEASE_AND_STAY, tmp_path / "queue.db")
    assert await asyncio.to_thread(read_line, holder) == "1"
    holder.kill()
    holder.communicate()
    later = ManualClock(CLOCK.wall_ms())
    queue = open_queue(tmp_path / "queue.db", clock=later)
    assert await queue.receive(1, 0) == []
    later.advance(LeaseTerms().visibility_ms / 1000)
    (delivery,) = await queue.receive(1, 0)
    assert (delivery.body, delivery.receives) == (b"x", 2)
    await queue.close()
