"""`telemetry dead-letters` shows what could not be processed, and lets it be processed again."""

import asyncio
from pathlib import Path

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.transport.lease import Depth, LeaseTerms
from telemetry.entrypoints.process import cli
from tests.entrypoints.roles.dead_letters import listed_names, put_bad_body


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with one body in quarantine and one dead letter in the queue."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUEUE_VISIBILITY_TIMEOUT", "0.001")
    monkeypatch.setenv("QUEUE_MAX_RECEIVES", "1")
    asyncio.run(_fill(tmp_path / "data"))
    return tmp_path / "data"


async def _fill(data: Path) -> None:
    await put_bad_body(LocalStorage(data), b"\xffnonsense")
    queue = _queue(data)
    await queue.send([b"deadly"])
    while not (await queue.dead(1)):
        await queue.receive(1, 0)
        await asyncio.sleep(0.001)
    await queue.close()


def _queue(data: Path) -> SqliteQueue:
    return SqliteQueue(data / "queue.db", SystemClock(), LeaseTerms(1, 1), 10**9)


async def _depth(data: Path) -> Depth:
    queue = _queue(data)
    try:
        return await queue.depth()
    finally:
        await queue.close()


def test_alone_it_prints_its_help(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["dead-letters"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: telemetry dead-letters ")
    assert all(action in said for action in ("list", "show", "replay"))


@pytest.mark.usefixtures("data")
def test_all_that_is_set_aside_is_listed_with_its_reason(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["dead-letters", "list"]) == 0
    quarantined, dead = capsys.readouterr().out.splitlines()
    assert quarantined.startswith("quarantine/year=1970/")
    assert quarantined.endswith("sent 1970-01-01T00:00:00.000Z, received 1 time: It is neither.")
    assert dead.startswith("queue/1:1  sent ")


@pytest.mark.usefixtures("data")
def test_a_body_is_shown_by_its_name(capsys: pytest.CaptureFixture[str]):
    quarantined, dead = listed_names(capsys)
    assert cli.main(["dead-letters", "show", dead]) == 0
    assert capsys.readouterr().out == "deadly\n"
    assert cli.main(["dead-letters", "show", quarantined]) == 0
    assert capsys.readouterr().out == "\\xffnonsense\n"
    assert cli.main(["dead-letters", "show", "queue/9:9"]) == 1


def test_what_is_replayed_is_in_the_queue_again_and_listed_no_more(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["dead-letters", "replay"]) == 0
    assert capsys.readouterr().out == "replayed 2 letters\n"
    assert asyncio.run(_depth(data)).ready == 2
    assert listed_names(capsys) == []


def test_one_body_can_be_replayed_by_its_name(data: Path, capsys: pytest.CaptureFixture[str]):
    quarantined, dead = listed_names(capsys)
    assert cli.main(["dead-letters", "replay", dead, "queue/9:9"]) == 1
    said = capsys.readouterr()
    assert "queue/9:9" in said.err
    assert said.out == "replayed 1 letter\n"
    assert listed_names(capsys) == [quarantined]
    assert asyncio.run(_depth(data)).ready == 1


def test_what_is_dismissed_is_kept_and_listed_no_more(data: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["dead-letters", "dismiss"]) == 0
    assert capsys.readouterr().out == "dismissed 1 letter\n"
    assert len(list(data.glob("dismissed/**/*.jsonl"))) == 1
    assert cli.main(["dead-letters", "list"]) == 0
    (dead,) = capsys.readouterr().out.splitlines()
    assert cli.main(["dead-letters", "dismiss", dead.split()[0]]) == 1
    assert "is not in quarantine" in capsys.readouterr().err
