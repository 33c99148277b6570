"""`telemetry queue` examines the embedded queue, and saves what can be read of a damaged one."""

import asyncio
from pathlib import Path

import pytest

from telemetry.domain.transport.lease import Depth
from telemetry.entrypoints.process import cli
from tests.adapters.queue.damaging import filled, pages_of, spoil
from tests.adapters.queue.sqlite_file import open_queue
from tests.entrypoints.roles.dead_letters import listed_names

COUNT = 100


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "queue.db"


@pytest.fixture
def damaged(path: Path) -> Path:
    asyncio.run(_fill(path))
    spoil(path, pages_of(path, "bodies")[10:12])
    return path


async def _fill(path: Path) -> None:
    queue = open_queue(path)
    await filled(queue, COUNT)
    await queue.close()


async def _depth(path: Path) -> Depth:
    queue = open_queue(path)
    found = await queue.depth()
    await queue.close()
    return found


def test_alone_it_prints_its_help(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["queue"]) == 0
    assert capsys.readouterr().out.startswith("usage: telemetry queue ")


def test_a_whole_queue_is_said_to_be_whole(path: Path, capsys: pytest.CaptureFixture[str]):
    asyncio.run(_fill(path))
    assert cli.main(["queue", "check"]) == 0
    said = capsys.readouterr()
    assert f"{COUNT} messages can be read (0 dead), 0 cannot" in said.out
    assert "is whole" in said.out
    assert said.err == ""


def test_damage_is_told_with_the_way_out(damaged: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["queue", "check"]) == 1
    said = capsys.readouterr()
    assert "messages can be read" in said.out
    assert f"{damaged.relative_to(damaged.parent.parent)}: Page " in said.err
    assert said.err.splitlines()[-1] == "stop all roles, and run telemetry queue recover"


def test_what_can_be_read_is_in_a_fresh_file_and_the_rest_in_quarantine(
    damaged: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["queue", "recover"]) == 0
    ready = asyncio.run(_depth(damaged)).ready
    said = capsys.readouterr()
    assert 80 < ready < COUNT
    assert f"{ready} messages can be read (0 dead), {COUNT - ready} cannot" in said.out
    assert "quarantine" in said.err
    assert "the damaged file is kept" in said.err
    names = listed_names(capsys)
    assert len(names) == COUNT - ready
    assert all(name.startswith("quarantine/") for name in names)
    assert cli.main(["queue", "check"]) == 0


def test_only_the_embedded_queue_has_a_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("QUEUE_BACKEND", "memory")
    assert cli.main(["queue", "check"]) == 1
    assert capsys.readouterr().err.startswith("telemetry queue: QUEUE_BACKEND: memory: ")
    assert not path.exists()


def test_a_copy_has_what_was_in_the_queue_at_its_moment_and_can_be_used(
    path: Path, capsys: pytest.CaptureFixture[str]
):
    async def copy_while_it_is_used() -> Depth:
        queue = open_queue(path)
        await filled(queue, COUNT)
        assert await asyncio.to_thread(cli.main, ["queue", "copy", "copy.db"]) == 0
        await filled(queue, 1)
        found = await queue.depth()
        await queue.close()
        return found

    assert asyncio.run(copy_while_it_is_used()).ready == COUNT + 1
    assert capsys.readouterr().out == "data/queue.db is copied to copy.db\n"
    copy = Path("copy.db")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert asyncio.run(_depth(copy)).ready == COUNT


def test_a_copy_replaces_no_file_and_there_has_to_be_a_queue(path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["queue", "copy", "copy.db"]) == 1
    assert capsys.readouterr().err.startswith("telemetry queue: The queue data/queue.db (DATA_DIR) cannot be")
    asyncio.run(_fill(path))
    Path("copy.db").write_text("theirs")
    assert cli.main(["queue", "copy", "copy.db"]) == 1
    assert capsys.readouterr().err == (
        "telemetry queue: copy.db: it is there already, and a copy replaces no file\n"
    )
    assert Path("copy.db").read_text() == "theirs"
