"""`telemetry vehicle` exports and erases what is stored of one vehicle, down to the last byte."""

import asyncio
import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.lake.compact import Compactor
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process import cli
from tests.builders import NOW, a_record, an_envelope, put_batch

THEIRS, OTHER = "veh-00123", "veh-001234"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a vehicle and another one in store, figures, cache and queue."""
    monkeypatch.chdir(tmp_path)
    asyncio.run(_fill(tmp_path / "data"))
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 0
    return tmp_path / "data"


async def _fill(data: Path) -> None:
    storage = LocalStorage(data)
    await put_batch(storage, *(a_record(vehicle_id=each) for each in (THEIRS, OTHER)))
    await put_batch(storage, a_record(timestamp_ms=0, vehicle_id=THEIRS))
    queue = SqliteQueue(data / "queue.db", SystemClock(), LeaseTerms(30_000, 1), 10**9)
    assert not await queue.send(
        [an_envelope(*(a_record(vehicle_id=each, can_id="0x7") for each in (THEIRS, OTHER)))]
    )
    await queue.close()


def named(data: Path) -> list[str]:
    """List the files that name the vehicle."""
    return [
        path.relative_to(data).as_posix()
        for path in data.rglob("*")
        if path.is_file() and THEIRS.encode() in path.read_bytes().replace(OTHER.encode(), b"")
    ]


def test_an_export_is_one_file_of_lines_that_say_where_they_were_found(data, capsys):
    assert cli.main(["vehicle", "export", THEIRS, "--output", "theirs.jsonl"]) == 0
    lines = [json.loads(line) for line in Path("theirs.jsonl").read_text().splitlines()]
    assert [line["found_in"].partition("/")[0] for line in lines] == ["raw", "skewed", "aggregated"]
    assert {line["record"]["vehicle_id"] for line in lines if "record" in line} == {THEIRS}
    assert lines[-1]["figures"]["count"] == 1
    said = capsys.readouterr()
    assert "skewed" in said.out
    assert "1 message wait in the queue" in said.err
    assert named(data)


def test_erasing_only_counts_unless_it_is_meant(data, capsys):
    before = {path: path.read_bytes() for path in data.rglob("*.json*")}
    assert cli.main(["vehicle", "erase", THEIRS]) == 0
    assert "--yes erases it" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in data.rglob("*.json*")} == before


def test_nothing_is_left_of_it_and_the_other_one_stays(data, capsys):
    assert "cache" in {name.partition("/")[0] for name in named(data)}
    assert cli.main(["vehicle", "erase", THEIRS, "--yes"]) == 0
    assert "erased 3 records in 2 objects and 1 message; " in capsys.readouterr().out
    assert named(data) == []
    (raw,) = data.glob("raw/**/*.jsonl")
    assert json.loads(raw.read_text())["vehicle_id"] == OTHER
    figures = json.loads(next(data.glob("aggregated/**/aggregated-*")).read_text())
    assert (list(figures["vehicles"]), figures["certificate"]["revision"]) == ([OTHER], 2)
    (report,) = data.glob("erasures/*.json")
    assert json.loads(report.read_text())["records"] == 3
    assert cli.main(["vehicle", "erase", THEIRS, "--yes"]) == 0
    assert "erased 0 records" in capsys.readouterr().out


SHARED = "fleet-7"


async def _fill_hours(data: Path) -> None:
    """Store two hours of two vehicles, with copies, of which the first is compacted and has no raw object."""
    storage = LocalStorage(data)
    for hour in (0, -1):
        for place in range(3):
            records = [
                a_record(vehicle_id=each, timestamp_ms=NOW + hour * HOUR_MS + place * 1000 + more)
                for each in (THEIRS, SHARED)
                for more in (0, 5)
            ]
            await put_batch(storage, *records, *records[:1], records[-1], now=NOW + place)


def _others(data: Path) -> str:
    """Return a digest of the records of all other vehicles, and of their figures."""
    asked = (
        f"SELECT * FROM records WHERE vehicle_id <> '{THEIRS}' ORDER BY ALL",
        f"SELECT * FROM figures WHERE vehicle_id <> '{THEIRS}' ORDER BY ALL",
    )
    said = sha256()
    for question in asked:
        file = data.parent / "answer.csv"
        assert cli.main(["query", question, "--format", "csv", "--output", str(file)]) == 0
        assert len(file.read_text().splitlines()) > 2
        said.update(file.read_bytes())
        file.unlink()
    return said.hexdigest()


def test_hours_of_which_only_compacted_records_are_left_lose_it_and_nothing_of_others_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Compactor, "_is_complete", AsyncMock(return_value=True))
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    asyncio.run(_fill_hours(data))
    assert cli.main(["aggregator", "--from", "2025-10-19T13", "--to", "2025-10-19T14"]) == 0
    assert cli.main(["compact", "--hour", "2025-10-19T14"]) == 0
    for raw in data.glob("raw/**/hour=14/*"):
        raw.unlink()
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 0
    before = _others(data)
    queue = SqliteQueue(data / "queue.db", SystemClock(), LeaseTerms(30_000, 1), 10**9)
    body = an_envelope(*(a_record(vehicle_id=each, can_id="0x7") for each in (THEIRS, SHARED)))
    assert not asyncio.run(_sent(queue, body))
    assert cli.main(["vehicle", "erase", THEIRS, "--yes"]) == 0
    grep = shutil.which("grep")
    assert grep
    found = subprocess.run([grep, "-r", "-a", "-l", THEIRS, str(data)], check=False, capture_output=True)
    assert found.stdout == b""
    assert _others(data) == before
    assert list(data.glob("compacted/**/*.*")) == []  # until the next compaction
    assert list(data.glob("queue.db*"))


async def _sent(queue: SqliteQueue, body: bytes) -> object:
    """Send a message; the log of the queue's file is left as a process that is killed leaves it."""
    return await queue.send([body])


def test_what_cannot_be_changed_is_named(data, capsys):
    (data / "role.log").write_text(f"Rejected a record of {THEIRS}\n")

    async def lease() -> None:
        queue = SqliteQueue(data / "queue.db", SystemClock(), LeaseTerms(30_000, 5), 10**9)
        assert await queue.receive(1, 0)
        await queue.close()

    asyncio.run(lease())
    assert cli.main(["vehicle", "erase", THEIRS, "--yes"]) == 1
    said = capsys.readouterr().err
    assert "role.log: it is none of ours to change" in said
    assert "1 message of it on lease" in said
    assert named(data) == ["role.log"]


def test_an_id_that_is_none_is_refused(data, capsys):
    assert cli.main(["vehicle", "erase", "veh 1", "--yes"]) == 1
    assert "is no id of a vehicle" in capsys.readouterr().err
    assert named(data)


def test_without_an_action_it_shows_its_help(capsys):
    assert cli.main(["vehicle"]) == 0
    assert "erase" in capsys.readouterr().out
