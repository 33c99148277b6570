"""`telemetry dead-letters` shows what could not be processed, and lets it be processed again."""

import asyncio
from pathlib import Path

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.entrypoints.process import cli


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with one body in quarantine and one dead letter in the queue."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUEUE_VISIBILITY_TIMEOUT", "0.001")
    monkeypatch.setenv("QUEUE_MAX_RECEIVES", "1")
    asyncio.run(_fill(tmp_path / "data"))
    return tmp_path / "data"


async def _fill(data: Path) -> None:
    bad = QuarantinedBody.of(Delivery("1:1", b"\xffnonsense", 0, 1), "It is neither.", 1000)
    lines = quarantine.encode([bad])
    await LocalStorage(data).put(objects.quarantine_key(1000, lines), lines)
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


def names(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert cli.main(["dead-letters", "list"]) == 0
    return [line.split()[0] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("data")
def test_all_letters_are_listed_with_their_reason(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["dead-letters", "list"]) == 0
    quarantined, dead = capsys.readouterr().out.splitlines()
    assert quarantined.startswith("quarantine/year=1970/")
    assert quarantined.endswith("sent 1970-01-01T00:00:00.000Z, received 1 times: It is neither.")
    assert dead.startswith("queue/1:1  sent ")


@pytest.mark.usefixtures("data")
def test_the_body_of_a_letter_is_shown(capsys: pytest.CaptureFixture[str]):
    quarantined, dead = names(capsys)
    assert cli.main(["dead-letters", "show", dead]) == 0
    assert capsys.readouterr().out == "deadly\n"
    assert cli.main(["dead-letters", "show", quarantined]) == 0
    assert capsys.readouterr().out == "\\xffnonsense\n"
    assert cli.main(["dead-letters", "show", "queue/9:9"]) == 1


def test_replayed_letters_are_in_the_queue_again_and_letters_no_more(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["dead-letters", "replay"]) == 0
    assert capsys.readouterr().out == "replayed 2 letters\n"
    assert asyncio.run(_depth(data)).ready == 2
    assert names(capsys) == []


def test_one_letter_can_be_replayed_by_its_name(data: Path, capsys: pytest.CaptureFixture[str]):
    quarantined, dead = names(capsys)
    assert cli.main(["dead-letters", "replay", dead, "queue/9:9"]) == 1
    said = capsys.readouterr()
    assert "queue/9:9" in said.err
    assert said.out == "replayed 1 letters\n"
    assert names(capsys) == [quarantined]
    assert asyncio.run(_depth(data)).ready == 1
