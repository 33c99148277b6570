"""Several processes at one embedded queue, some of which are killed."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from telemetry.adapters.clock import ManualClock
from telemetry.domain.transport.lease import LeaseTerms
from tests.adapters.queue.sqlite_file import CLOCK, open_queue

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


def start(script: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROLOGUE + script, str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


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


def test_processes_that_open_a_fresh_queue_at_once_all_succeed(tmp_path: Path):
    for attempt in range(3):
        senders = [start(SEND, tmp_path / f"{attempt}.db", f"sender{n}") for n in range(4)]
        assert [sender.wait(120) for sender in senders] == [0] * 4
        for sender in senders:
            sender.communicate()


async def test_what_was_said_to_be_sent_survives_the_kill_of_its_sender(tmp_path: Path):
    sender = start(SEND_AND_STAY, tmp_path / "queue.db")
    assert await asyncio.to_thread(read_line, sender) == "sent"
    sender.kill()
    sender.communicate()
    queue = open_queue(tmp_path / "queue.db")
    assert [delivery.body for delivery in await queue.receive(10, 0)] == [b"durable"]
    await queue.close()


async def test_what_a_killed_process_held_is_received_by_others_after_its_lease(tmp_path: Path):
    queue = open_queue(tmp_path / "queue.db")
    await queue.send([b"x"])
    await queue.close()
    holder = start(LEASE_AND_STAY, tmp_path / "queue.db")
    assert await asyncio.to_thread(read_line, holder) == "1"
    holder.kill()
    holder.communicate()
    later = ManualClock(CLOCK.wall_ms(), CLOCK.monotonic_s())
    queue = open_queue(tmp_path / "queue.db", clock=later)
    assert await queue.receive(1, 0) == []
    later.advance(LeaseTerms().visibility_ms / 1000)
    (delivery,) = await queue.receive(1, 0)
    assert (delivery.body, delivery.receives) == (b"x", 2)
    await queue.close()
