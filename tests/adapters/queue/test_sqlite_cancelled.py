"""A receive of the embedded queue that is cancelled, or whose queue is closed, leases nothing."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from telemetry.adapters.queue.sqlite.messages import Messages
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.queue.sqlite_file import open_queue


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


async def test_what_was_leased_for_a_receive_that_is_cancelled_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    queue = open_queue(tmp_path / "queue.db")
    await queue.send([b"x"])
    leased, go_on = threading.Event(), threading.Event()

    def receive(limit: int) -> Any:
        deliveries = Messages.receive(queue._messages, limit)
        leased.set()
        go_on.wait()
        return deliveries

    monkeypatch.setattr(queue._messages, "receive", receive)
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
