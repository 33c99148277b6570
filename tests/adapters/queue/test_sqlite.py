"""What is the embedded queue's own: its file, the processes that share it, and how it says what is wrong."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.queue import sqlite
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.lease import Depth, Terms
from telemetry.domain.queue import QueueUnavailableError

WORKER = Path(__file__).with_name("worker.py")
TERMS = Terms(visibility=30_000, max_receives=5)
LARGE = 10**9


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "queue.db"


@pytest.fixture
async def queue(path):
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    yield queue
    await queue.close()


@pytest.fixture
def start():
    """Start workers; none outlives the test."""
    with ExitStack() as stack:

        def start(*arguments: object) -> "subprocess.Popen[str]":
            command = [sys.executable, str(WORKER), *map(str, arguments)]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            return process

        yield start


def _finish(process: "subprocess.Popen[str]") -> list[str]:
    """Wait for a worker to end well; return the lines that it printed."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.splitlines()


def _threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("queue")]


async def test_every_change_is_synced_in_full_to_a_log_that_is_written_ahead(queue):
    assert await queue._run(queue._pragma, "synchronous") == 2  # FULL
    (mode,) = await queue._run(lambda: queue._db.execute("PRAGMA journal_mode").fetchone())
    assert mode == "wal"


async def test_the_folder_of_the_file_is_made(path, queue):
    await queue.send([b"m"])
    assert path.is_file()


async def test_what_was_sent_is_there_after_the_file_was_closed_and_opened(path):
    for expected in (0, 1):
        queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
        assert await queue.depth() == Depth(expected, 0, 0)
        await queue.send([b"m"])
        await queue.close()


async def test_a_send_is_done_as_a_whole_or_not_at_all(path, queue):
    with closing(sqlite3.connect(path)) as db:
        db.execute("""
            CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.body = x'62' BEGIN SELECT RAISE(FAIL, 'bad'); END
        """)
    with pytest.raises(QueueUnavailableError, match="bad"):
        await queue.send([b"a", b"b", b"c"])
    assert await queue.depth() == Depth(0, 0, 0)


async def test_a_change_that_ended_its_transaction_by_itself_is_told_as_what_it_was(path, queue):
    with closing(sqlite3.connect(path)) as db:
        db.execute("""
            CREATE TRIGGER refuse BEFORE INSERT ON messages BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END
        """)
    with pytest.raises(QueueUnavailableError, match="disk is full"):
        await queue.send([b"a"])
    assert await queue.depth() == Depth(0, 0, 0)


async def test_a_full_queue_refuses_and_says_which_setting_to_change(path):
    queue = SqliteQueue(path, ManualClock(), TERMS, max_size=200_000)
    try:
        await queue.send([bytes(100_000)])
        with pytest.raises(QueueUnavailableError, match=r"queue\.db is full.*200000.*QUEUE_MAX_BYTES"):
            await queue.send([bytes(100_000)])
        assert await queue.depth() == Depth(1, 0, 0)
    finally:
        await queue.close()


async def test_a_full_queue_takes_messages_again_once_some_were_deleted(path):
    queue = SqliteQueue(path, ManualClock(), TERMS, max_size=200_000)
    try:
        await queue.send([bytes(100_000)])
        (delivery,) = await queue.receive(1, 0)
        await queue.delete([delivery.receipt])
        await queue.send([bytes(100_000)])
        assert await queue.depth() == Depth(1, 0, 0)
    finally:
        await queue.close()


def _text(path: Path) -> None:
    path.write_text("this is a diary, and not a database of any kind\n" * 100)


def _other_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")


def _of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE diary (day, text)")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [_text, _other_version, _of_another_program, _folder])
def test_a_file_that_is_no_queue_is_refused_by_its_path_and_left_as_it_is(path, spoil):
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(QueueUnavailableError, match=str(path)):
        SqliteQueue(path, SystemClock(), TERMS, LARGE)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert _threads() == []


def test_a_folder_that_cannot_be_made_is_named_with_the_setting_to_change(tmp_path):
    (tmp_path / "data").write_text("a file in the place of the folder")
    path = tmp_path / "data" / "below" / "queue.db"
    with pytest.raises(QueueUnavailableError, match=rf"{path} \(DATA_DIR\)"):
        SqliteQueue(path, SystemClock(), TERMS, LARGE)
    assert _threads() == []


def test_a_file_of_another_version_is_told_from_that_of_this_one(path):
    path.parent.mkdir()
    _other_version(path)
    with pytest.raises(QueueUnavailableError, match=r"no queue of version 1, but a database of version 2"):
        SqliteQueue(path, SystemClock(), TERMS, LARGE)


def test_a_file_that_stays_locked_is_given_up(path, monkeypatch):
    monkeypatch.setattr(sqlite, "_BUSY", 0.05)
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(QueueUnavailableError, match=r"queue\.db \(DATA_DIR\) cannot be used: .*locked"):
            SqliteQueue(path, SystemClock(), TERMS, LARGE)


def test_a_file_that_others_open_just_now_is_tried_again(path, monkeypatch):
    monkeypatch.setattr(sqlite, "_BUSY", 30.0)
    path.parent.mkdir()
    looked = threading.Event()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db:
        db.execute("BEGIN EXCLUSIVE")

        def connect(*args: Any, **options: Any) -> Any:
            looked.set()
            return connect_as_it_is(*args, **(options | {"timeout": 0}))

        connect_as_it_is: Any = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", connect)

        def release() -> None:
            looked.wait()
            db.execute("ROLLBACK")

        releasing = threading.Thread(target=release)
        releasing.start()
        queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
        releasing.join()
    asyncio.run(queue.close())


@pytest.mark.parametrize("verb", ["send", "receive", "depth", "dead", "redrive"])
async def test_a_table_that_is_gone_makes_the_queue_unavailable_by_its_path(path, queue, verb):
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE messages")
    asked = {
        "send": lambda: queue.send([b"m"]),
        "receive": lambda: queue.receive(1, 0),
        "depth": queue.depth,
        "dead": lambda: queue.dead(1),
        "redrive": lambda: queue.redrive(["1:1"]),
    }
    with pytest.raises(QueueUnavailableError, match=rf"{path} \(DATA_DIR\).*messages"):
        await asked[verb]()


async def test_a_transaction_that_another_process_holds_for_too_long_makes_the_queue_unavailable(
    path, monkeypatch
):
    monkeypatch.setattr(sqlite, "_BUSY", 0.05)
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(QueueUnavailableError, match="locked"):
            await queue.send([b"m"])
        assert await queue.receive(1, 0) == []  # to look takes no lock
        db.execute("ROLLBACK")
    await queue.send([b"m"])
    assert await queue.depth() == Depth(1, 0, 0)
    await queue.close()


async def test_a_lease_begins_when_the_lock_is_held_and_not_when_it_was_asked_for(path):
    clock = ManualClock()
    queue = SqliteQueue(path, clock, TERMS, LARGE)
    await queue.send([b"m"])
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        receiving = asyncio.create_task(queue.receive(1, 0))
        await asyncio.sleep(0.05)  # by now it waits for the lock; if it does not yet, the test shows less
        clock.advance(20)
        db.execute("ROLLBACK")
    (delivery,) = await receiving
    clock.advance(29)
    assert await queue.delete([delivery.receipt]) == []
    await queue.close()


async def test_closing_twice_is_closing_once(path):
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    await queue.close()
    await queue.close()
    assert _threads() == []


async def test_a_closed_queue_is_unavailable(path):
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    await queue.close()
    with pytest.raises(QueueUnavailableError, match=f"{path} has been closed"):
        await queue.send([b"m"])


async def test_a_receiver_that_waits_learns_that_the_queue_was_closed(path):
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    waiting = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0.02)
    await queue.close()
    with pytest.raises(QueueUnavailableError, match="closed"):
        await waiting


async def test_leases_of_a_receive_cancelled_in_the_midst_of_a_commit_are_taken_back(path, monkeypatch):
    queue = SqliteQueue(path, ManualClock(), TERMS, LARGE)
    await queue.send([b"m"])
    committed, go_on = threading.Event(), threading.Event()

    def receive(limit: int):
        deliveries = SqliteQueue._receive(queue, limit)
        committed.set()
        go_on.wait()
        return deliveries

    monkeypatch.setattr(queue, "_receive", receive)
    receiving = asyncio.create_task(queue.receive(1, 60))
    await asyncio.to_thread(committed.wait)
    receiving.cancel()
    await asyncio.wait([receiving])
    go_on.set()
    monkeypatch.undo()
    assert await queue.depth() == Depth(ready=1, leased=0, dead=0)
    (delivery,) = await queue.receive(1, 0)
    assert delivery.receives == 1
    await queue.close()


async def test_a_receive_cancelled_while_the_queue_closes_leaves_a_lease_that_ends_by_itself(path):
    queue = SqliteQueue(path, ManualClock(), TERMS, LARGE)
    receiving = asyncio.create_task(queue.receive(1, 60))
    await asyncio.sleep(0)
    closing_ = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    receiving.cancel()
    await closing_
    with pytest.raises(asyncio.CancelledError):
        await receiving


def test_processes_that_open_a_fresh_queue_at_once_all_succeed(path, start):
    for attempt in range(3):
        fresh = path.with_name(f"{attempt}.db")
        processes = [start("send", fresh, n, 1) for n in range(4)]
        assert sorted(line for each in processes for line in _finish(each)) == ["0-0", "1-0", "2-0", "3-0"]


async def test_processes_that_send_and_receive_at_once_lose_nothing_and_hold_nothing_twice(
    path, queue, start
):
    senders = [start("send", path, f"sender{n}", 100) for n in range(3)]
    receivers = [start("receive", path) for _ in range(3)]
    sent = [line for each in senders for line in await asyncio.to_thread(_finish, each)]
    await queue.send([b"stop"] * len(receivers))  # it comes last, since the order is kept
    received = [line.split() for each in receivers for line in await asyncio.to_thread(_finish, each)]
    assert len(sent) == 300
    assert sorted(body for body, _ in received) == sorted(sent)
    assert {receives for _, receives in received} == {"1"}
    assert await queue.depth() == Depth(0, 0, 0)


@pytest.mark.parametrize("heard", [1, 7, 20])
async def test_what_a_killed_process_was_told_is_durable_is_there(path, heard, start):
    process = start("send", path, "killed", 100_000)
    assert process.stdout
    told = [process.stdout.readline().strip() for _ in range(heard)]
    process.send_signal(signal.SIGKILL)
    told += process.communicate(timeout=60)[0].split("\n")[:-1]
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    found = {each.body.decode() for each in await queue.receive(100_000, 0)}
    assert set(told) <= found
    assert len(told) <= len(found) <= len(told) + 1  # the last may have been durable before it was told
    await queue.close()


async def test_what_a_killed_process_held_is_received_by_others_after_its_lease(path, start):
    queue = SqliteQueue(path, SystemClock(), TERMS, LARGE)
    await queue.send([b"m"])
    await queue.close()
    holder = start("hold", path)
    assert holder.stdout.readline() == "m\n"
    holder.kill()
    holder.wait(60)
    later = ManualClock(SystemClock().wall() + TERMS.visibility)
    queue = SqliteQueue(path, later, TERMS, LARGE)
    (delivery,) = await queue.receive(1, 0)
    assert (delivery.body, delivery.receives) == (b"m", 2)
    await queue.close()
