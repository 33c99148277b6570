"""What only the embedded queue promises: its file, its bound, and its keeping through the death of processes."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.lease import Terms
from telemetry.domain.queue import QueueUnavailableError

CLOCK = SystemClock()

PROLOGUE = """
import asyncio, sys
from pathlib import Path
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.lease import Terms

queue = SqliteQueue(Path(sys.argv[1]), SystemClock(), Terms(), 10**9)
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
            assert not await queue.delete([delivery.receipt])
asyncio.run(main())
"""
SEND_AND_STAY = """
async def main():
    await queue.send([b"durable"])
    print("sent", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


def open_queue(path: Path, max_size: int = 10**9) -> SqliteQueue:
    return SqliteQueue(path, CLOCK, Terms(), max_size)


def start(script: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROLOGUE + script, str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


async def test_every_commit_is_synced_in_full(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")

    def pragmas() -> Sequence[object]:
        return [queue._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

    assert await queue._run(pragmas) == ["wal", 2]
    await queue.close()


async def test_a_full_queue_refuses_by_the_name_of_its_setting_and_takes_again_once_emptied(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db", max_size=200_000)
    for _ in range(3):
        await queue.send([bytes(50_000)])
    with pytest.raises(QueueUnavailableError, match="QUEUE_MAX_BYTES"):
        await queue.send([bytes(50_000)])
    deliveries = await queue.receive(10, 0)
    assert len(deliveries) == 3  # what was refused left nothing behind, and receiving needs no room
    await queue.delete([delivery.receipt for delivery in deliveries])
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
    monkeypatch.setattr("telemetry.adapters.queue.sqlite._BUSY", 0.01)
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
    monkeypatch.setattr("telemetry.adapters.queue.sqlite._BUSY", 0.05)
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
