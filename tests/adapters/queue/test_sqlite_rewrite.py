"""Bodies are changed in the file of the queue, and what they were leaves no byte there."""

from pathlib import Path

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import NOW

SECRET = b"veh-secret"
TERMS = LeaseTerms(visibility_ms=30_000, max_receives=5)


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def without(body: bytes, _sent_ms: int) -> bytes | None:
    if SECRET not in body:
        return body
    return body.replace(SECRET, b"") or None


@pytest.mark.parametrize("size", [1, 200, 3000, 50_000])
async def test_nothing_is_left_in_the_file_nor_in_its_log(tmp_path: Path, size: int):
    queue = SqliteQueue(tmp_path / "queue.db", ManualClock(NOW), TERMS, 10**9)
    other = SqliteQueue(tmp_path / "queue.db", ManualClock(NOW), TERMS, 10**9)
    bodies = [f"{number:05d}".encode() * size + (SECRET if number % 3 else b"") for number in range(30)]
    assert not await queue.send([*bodies, SECRET])
    taken = await other.receive(10, 0)
    assert not await other.delete([each.handle for each in taken[:5]])  # which leaves them in free pages
    assert SECRET in bytes_of(tmp_path)
    rewritten = await queue.rewrite(without)
    assert SECRET not in bytes_of(tmp_path)
    assert rewritten.messages == sum(SECRET in body for body in bodies[5:]) + 1
    assert rewritten.leased == sum(SECRET in body for body in bodies[5:10])
    assert await queue.rewrite(without) == (0, 0)
    assert not await other.delete([each.handle for each in taken[5:]])
    rest = await other.receive(100, 0)
    assert [each.body for each in rest] == [body.replace(SECRET, b"") for body in bodies[10:]]
    assert not await other.send([b"another"])
    await queue.close()
    await other.close()


async def test_a_change_that_fails_changes_nothing(tmp_path: Path):
    queue = SqliteQueue(tmp_path / "queue.db", ManualClock(NOW), TERMS, 10**9)
    assert not await queue.send([b"one", b"two"])

    def fail(body: bytes, _sent_ms: int) -> bytes:
        if body == b"two":
            raise ValueError("it cannot be changed")
        return b"changed"

    with pytest.raises(ValueError, match="it cannot be changed"):
        await queue.rewrite(fail)
    assert [each.body for each in await queue.receive(10, 0)] == [b"one", b"two"]
    await queue.close()
