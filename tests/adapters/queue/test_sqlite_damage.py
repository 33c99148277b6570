"""A damaged file of the embedded queue: it is said, nothing more goes in, and what can be read comes out."""

import os
import shutil
from pathlib import Path

import pytest

from telemetry.adapters.queue.sqlite import SqliteQueue, watch
from telemetry.adapters.queue.sqlite.watch import mark, part
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.queue import QueueDamagedError
from tests.adapters.queue.damaging import filled, pages_of, spoil, write_back
from tests.adapters.queue.sqlite_file import open_queue

WAY_OUT = "stop all roles, and run telemetry queue recover"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


async def drain(queue: SqliteQueue, patience: int = 3) -> list[bytes]:
    """Receive and delete until nothing comes any more."""
    bodies: list[bytes] = []
    while patience:
        deliveries = await queue.receive(16, 0)
        bodies += [each.body for each in deliveries]
        assert await queue.delete([each.handle for each in deliveries]) == []
        patience -= not deliveries
    return bodies


async def spoilt(path: Path, table: str, kind: str, which: slice) -> tuple[SqliteQueue, list[bytes]]:
    """Return a queue some of whose pages are damaged, and what was sent to it."""
    queue = open_queue(path)
    bodies = await filled(queue)
    await queue.close()
    write_back(path)
    spoil(path, pages_of(path, table, kind)[which])
    return open_queue(path), bodies


@pytest.mark.parametrize("kind", ["leaf", "overflow"])
async def test_the_neighbours_of_a_body_that_cannot_be_read_are_received_and_leave_the_queue(path, kind):
    queue, bodies = await spoilt(path, "bodies", kind, slice(20, 22))
    received = await drain(queue)
    assert len(received) == len(set(received)) >= len(bodies) - 20
    assert sum(body in set(bodies) for body in received) >= len(bodies) - 20
    depth = await queue.depth()
    assert (depth.ready, depth.leased) == (0, 0)
    assert depth.dead + len(received) == len(bodies)
    await queue.close()


async def test_messages_on_both_sides_of_damage_to_their_own_table_are_received(path):
    queue = open_queue(path)
    bodies = await filled(queue, 1000, 10)
    await queue.close()
    write_back(path)
    leaves = pages_of(path, "messages")
    assert len(leaves) > 4
    spoil(path, [leaves[len(leaves) // 2]])
    queue = open_queue(path)
    received: list[bytes] = []
    with pytest.raises(QueueDamagedError, match=WAY_OUT):  # noqa: PT012  # once only what cannot be read is left
        while True:
            received += [each.body for each in await queue.receive(16, 0)]
    assert len(received) == len(set(received))
    assert {bodies[0], bodies[-1]} <= set(received)
    assert len(received) > len(bodies) / 2
    await queue.close()


async def test_damage_is_said_once_with_the_way_out_and_nothing_more_goes_in(path, caplog):
    queue, _ = await spoilt(path, "bodies", "leaf", slice(5, 6))
    other = open_queue(path)
    await other.send([b"x"])  # since nobody has met the damage
    await drain(queue)
    for each in (queue, other):
        for _ in range(3):
            with pytest.raises(QueueDamagedError, match=WAY_OUT):
                await each.send([b"x"])
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert WAY_OUT in line
    assert str(path) in line
    await queue.close()
    await other.close()
    queue = open_queue(path)
    with pytest.raises(QueueDamagedError, match=WAY_OUT):  # also after a restart
        await queue.send([b"x"])
    await queue.close()


async def test_a_message_that_has_lost_its_body_is_damage_and_not_passed_over(path):
    queue = open_queue(path)
    await queue.send([b"1", b"2", b"3"])
    await queue._run(lambda: queue._messages.db.execute("DELETE FROM bodies WHERE number = 2"))
    assert await drain(queue) == [b"1", b"3"]
    assert mark(path).exists()
    assert await queue.depth() == Depth(ready=0, leased=0, dead=1)
    await queue.close()


async def test_a_delete_beside_damage_takes_the_message_out_for_good(path):
    queue, bodies = await spoilt(path, "bodies", "leaf", slice(10, 40, 2))
    received = await drain(queue)
    assert await drain(queue) == []
    assert len(received) == len(set(received)) > len(bodies) / 4
    await queue.close()


async def test_a_file_that_is_removed_between_two_looks_is_not_taken_for_one_that_was_cut(path, monkeypatch):
    queue = open_queue(path)
    await queue.send([b"x"])
    look, away = watch._number, part(path, ".moved")

    def look_and_remove(name):
        seen = look(name)
        if str(name).endswith("-shm"):  # the last one, after which the size is looked at
            path.rename(away)
        return seen

    monkeypatch.setattr(watch, "_number", look_and_remove)
    with pytest.raises(QueueDamagedError, match=r"\(removed\)"):
        await queue.send([b"y"])
    monkeypatch.undo()
    away.rename(path)
    await queue.send([b"z"])
    assert not mark(path).exists()
    await queue.close()


@pytest.mark.parametrize("verb", ["send", "receive"])
@pytest.mark.parametrize("what", ["removed", "replaced", "log removed"])
async def test_a_file_that_is_removed_or_replaced_under_it_is_noticed(path, verb, what):
    queue = open_queue(path)
    await queue.send([b"x"])
    if what == "log removed":
        part(path, "-wal").unlink()
    else:
        path.rename(part(path, ".moved"))
        if what == "replaced":
            shutil.copy(part(path, ".moved"), path)
    with pytest.raises(QueueDamagedError, match="removed or replaced while the queue is in use"):
        await (queue.send([b"y"]) if verb == "send" else queue.receive(1, 0))
    await queue.close()


async def test_what_was_in_a_log_that_is_removed_is_there_after_a_restart(path):
    queue = open_queue(path)
    await queue.send([b"x"])
    part(path, "-wal").unlink()
    with pytest.raises(QueueDamagedError):
        await queue.send([b"y"])
    await queue.close()
    queue = open_queue(path)
    assert (await drain(queue))[0] == b"x"  # and what was refused may be there too
    await queue.close()


@pytest.mark.parametrize("verb", ["send", "receive"])
async def test_a_file_that_is_emptied_under_it_is_noticed_and_marked(path, verb):
    queue = open_queue(path)
    await filled(queue, 20)
    os.truncate(path, 0)
    with pytest.raises(QueueDamagedError, match="was cut"):
        await (queue.send([b"y"]) if verb == "send" else queue.receive(1, 0))
    assert "was cut" in mark(path).read_text()
    await queue.close()


async def test_a_log_whose_file_is_gone_or_empty_is_not_thrown_away(path):
    queue = open_queue(path)
    await queue.send([b"x"])
    copy = path.with_name("copy.db")
    shutil.copy(part(path, "-wal"), part(copy, "-wal"))
    await queue.close()
    for is_there in (False, True):
        if is_there:
            copy.touch()
        with pytest.raises(QueueDamagedError, match=WAY_OUT):
            open_queue(copy)
        assert part(copy, "-wal").stat().st_size


async def test_a_file_that_is_no_database_any_more_is_damage(path):
    queue = open_queue(path)
    await filled(queue, 20)
    await queue.close()
    spoil(path, [1])
    with pytest.raises(QueueDamagedError, match=WAY_OUT):
        open_queue(path)


async def test_a_queue_says_whether_its_file_is_new(path):
    queue = open_queue(path)
    assert queue.is_new
    await queue.close()
    queue = open_queue(path)
    assert not queue.is_new
    await queue.close()
