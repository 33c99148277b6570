"""What is left of a damaged queue is saved: every message that can be read, and parts of the others."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.recover import Found, Recovery
from telemetry.adapters.queue.sqlite.salvage import Message
from telemetry.adapters.queue.sqlite.watch import mark, part, recovered
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueDamagedError, QueueUnavailableError
from tests.adapters.queue.damaging import PAGE, filled, pages_of, spoil, write_back
from tests.adapters.queue.sqlite_file import open_queue

NOW = 1_764_000_000_000
FRAME = PAGE + 24


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


async def a_queue(path: Path, count: int = 200, size: int = 6000) -> list[bytes]:
    """Make a queue whose every message is in its file, and return the bodies."""
    queue = open_queue(path)
    bodies = await filled(queue, count, size)
    await queue.close()
    return bodies


def recover(path: Path) -> tuple[Found, list[Message]]:
    kept: list[Message] = []
    found, _ = Recovery(QueueFile(path), NOW).recover(kept.extend)
    return found, kept


async def received(path: Path) -> list[bytes]:
    """Receive all that a queue holds, in order."""
    queue = open_queue(path)
    deliveries = await queue.receive(10_000, 0)
    await queue.send([b"it takes more"])
    await queue.close()
    return [each.body for each in deliveries]


async def assert_saved(path: Path, bodies: Sequence[bytes], most_lost: int) -> None:
    """Check that a recovery saves all but a few messages, in their order, and says what is left of others."""
    found, lost = recover(path)
    saved = await received(path)
    assert saved == [body for body in bodies if body in set(saved)]
    assert len(saved) == found.whole >= len(bodies) - most_lost
    assert found.whole + len(lost) == len(bodies)
    for each in lost:
        assert len(each.body) < len(bodies[each.number - 1])
        assert bodies[each.number - 1].startswith(each.body)
    assert not mark(path).exists()


async def test_a_whole_queue_is_whole_after_a_recovery(path):
    bodies = await a_queue(path)
    found, lost = recover(path)
    assert (found.whole, found.dead, lost) == (200, 0, [])
    assert await received(path) == bodies


@pytest.mark.parametrize(
    ("table", "kind", "which", "most_lost"),
    [
        ("bodies", "leaf", slice(20, 24), 4 * 8),
        ("bodies", "overflow", slice(40, 44), 4),
        ("bodies", "internal", slice(0, 1), 0),
        ("messages", "leaf", slice(1, 2), 0),
        ("messages", "internal", slice(0, 1), 0),
    ],
)
async def test_damage_costs_what_is_on_the_damaged_pages_and_no_more(path, table, kind, which, most_lost):
    bodies = await a_queue(path, 600)
    spoil(path, pages_of(path, table, kind)[which])
    await assert_saved(path, bodies, most_lost)


async def test_a_file_without_a_head_is_no_database_any_more_and_is_saved(path):
    bodies = await a_queue(path)
    spoil(path, [1])
    await assert_saved(path, bodies, 0)


async def test_a_page_of_which_only_a_part_is_damaged_keeps_its_other_rows(path):
    bodies = await a_queue(path, 200, 300)
    spoil(path, pages_of(path, "bodies")[5:6], start=PAGE - 400)
    recover(path)
    saved = set(await received(path))
    # What is garbage within a body is for its reader to find: an envelope has a checksum.
    assert len(saved & set(bodies)) >= len(bodies) - 3


async def test_what_is_only_in_the_log_is_saved_behind_damage_in_it_too(path):
    queue = open_queue(path)
    bodies = await filled(queue, 100)
    copy = path.with_name("copy.db")
    for ending in ("", "-wal"):
        shutil.copy(part(path, ending), part(copy, ending))
    await queue.close()
    log = part(copy, "-wal")
    assert log.stat().st_size > 100 * FRAME
    with log.open("r+b") as file:
        file.seek(32 + 40 * FRAME)
        file.write(b"\x55" * 2 * FRAME)
    found, lost = recover(copy)
    assert found.whole + len(lost) >= len(bodies) - 2
    assert len(await received(copy)) == found.whole >= len(bodies) - 4


async def test_the_log_of_a_file_that_was_emptied_is_saved(path):
    queue = open_queue(path)
    bodies = await filled(queue, 50)
    copy = path.with_name("copy.db")
    shutil.copy(part(path, "-wal"), part(copy, "-wal"))
    copy.touch()
    await queue.close()
    with pytest.raises(QueueDamagedError):
        open_queue(copy)
    await assert_saved(copy, bodies, 0)


async def test_dead_letters_stay_dead_and_what_was_deleted_stays_deleted(path):
    queue = open_queue(path, terms=LeaseTerms(visibility_ms=1, max_receives=1))
    await queue.send([b"dead"])
    await queue.receive(1, 0)
    while not await queue.dead(1):
        pass
    await queue.send([b"deleted", b"leased", b"ready"])
    await queue.close()
    queue = open_queue(path)
    (deleted, _) = await queue.receive(2, 0)
    await queue.delete([deleted.handle])
    await queue.close()
    found, _ = recover(path)
    assert (found.whole, found.dead) == (3, 1)
    queue = open_queue(path)
    assert [each.body for each in await queue.dead(10)] == [b"dead"]
    assert [(each.body, each.receives) for each in await queue.receive(10, 0)] == [
        (b"leased", 2),
        (b"ready", 1),
    ]
    await queue.close()


async def test_a_queue_that_was_upgraded_is_saved_with_its_own_order_of_columns(path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript("""
            CREATE TABLE messages (
                number INTEGER PRIMARY KEY AUTOINCREMENT, sent INTEGER NOT NULL, visible INTEGER NOT NULL,
                receives INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0
            );
            CREATE TABLE bodies (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
            INSERT INTO messages (sent, visible, receives, dead) VALUES (7, 9, 2, 0), (8, 9, 5, 1);
            INSERT INTO bodies (body) VALUES (x'61'), (x'62');
            PRAGMA user_version = 2;
        """)
    queue = open_queue(path)
    await queue.close()
    found, _ = recover(path)
    assert (found.whole, found.dead) == (2, 1)
    queue = open_queue(path)
    (delivery,) = await queue.receive(10, 0)
    assert (delivery.body, delivery.sent_ms, delivery.receives) == (b"a", 7, 3)
    await queue.close()


async def test_the_damaged_file_is_kept_beside_the_fresh_one(path):
    await a_queue(path, 5)
    before = path.read_bytes()
    _, kept = Recovery(QueueFile(path), NOW).recover(lambda _: None)
    assert kept
    assert kept.read_bytes() == before
    assert kept.parent == path.parent


async def test_a_queue_that_is_in_use_is_left_alone(path):
    queue = open_queue(path)
    await queue.send([b"x"])
    script = (
        "import sys; from pathlib import Path; from telemetry.adapters.queue.sqlite.file import QueueFile; "
        "from telemetry.adapters.queue.sqlite.recover import Recovery; "
        "print(Recovery(QueueFile(Path(sys.argv[1])), 0).examine()); "
        "Recovery(QueueFile(Path(sys.argv[1])), 0).recover(print)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "(None, [])\n"
    assert done.stderr.splitlines()[-1].endswith("is in use: stop all roles first")
    await queue.close()
    assert await received(path) == [b"x"]


async def test_a_recovery_that_was_killed_before_its_end_goes_on_from_there(path, monkeypatch):
    bodies = await a_queue(path, 20)
    with monkeypatch.context() as patched:
        patched.setattr(Recovery, "_replace", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            recover(path)
    assert recovered(path).exists()
    part(path, "-wal").unlink(missing_ok=True)
    with pytest.raises(QueueDamagedError, match="interrupted"):
        open_queue(path)
    recover(path)
    assert await received(path) == bodies


async def test_what_cannot_be_kept_leaves_the_damaged_queue_as_it_is(path):
    await a_queue(path, 20)
    spoil(path, pages_of(path, "bodies")[:2])
    before = path.read_bytes()

    def full(_: object) -> None:
        raise QueueUnavailableError("no room")

    with pytest.raises(QueueUnavailableError, match="no room"):
        Recovery(QueueFile(path), NOW).recover(full)
    assert path.read_bytes() == before
    assert not recovered(path).exists()
    found, lost = recover(path)
    assert found.whole + len(lost) == 20


async def test_examining_counts_and_notes_damage_for_all(path):
    await a_queue(path, 100)
    assert Recovery(QueueFile(path), NOW).examine() == (Found(whole=100), [])
    spoil(path, pages_of(path, "bodies")[10:12])
    found, faults = Recovery(QueueFile(path), NOW).examine()
    assert found
    assert found.whole + len(found.lost) == 100
    assert faults
    assert mark(path).exists()
    queue = open_queue(path)
    with pytest.raises(QueueDamagedError):
        await queue.send([b"x"])
    await queue.close()


async def test_a_mark_without_damage_is_told_and_a_recovery_removes_it(path):
    await a_queue(path, 3)
    mark(path).write_text("once\n")
    _, faults = Recovery(QueueFile(path), NOW).examine()
    assert faults == ["it is marked as damaged, and nothing is found now: once"]
    recover(path)
    assert not mark(path).exists()
    assert Recovery(QueueFile(path), NOW).examine() == (Found(whole=3), [])


def test_what_is_not_there_or_another_database_is_told(path):
    _, faults = Recovery(QueueFile(path), NOW).examine()
    assert faults
    mark(path).unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
    write_back(path)
    _, faults = Recovery(QueueFile(path), NOW).examine()
    assert faults == ["it is no queue, but a database of version 0"]
