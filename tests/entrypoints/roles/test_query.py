"""`telemetry query` answers questions in SQL about what is stored, and does nothing else."""

import asyncio
import csv
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from telemetry.adapters.sql.files import FilesGoneError
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS, hour_path
from telemetry.domain.contract.signals import KNOWN
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.store import objects
from telemetry.entrypoints.process import cli
from telemetry.entrypoints.shared import asking
from tests.builders import HOUR, NOW, a_record, put_batch, some_records

FOLDER = f"raw/{hour_path(HOUR)}"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory without anything in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def put(data: Path, *batches: Any, **changes: Any) -> None:
    """Store batches of records as a consumer does."""

    async def store() -> None:
        storage = LocalStorage(data)
        for number, batch in enumerate(batches):
            await put_batch(storage, *batch, now=NOW + number, **changes)

    asyncio.run(store())


def ask(capsys: pytest.CaptureFixture[str], question: str, *options: str) -> list[dict[str, Any]]:
    """Return the rows of an answer."""
    assert cli.main(["query", question, "--format", "json", *options]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what is said of a question that is not answered."""
    assert cli.main(["query", *arguments]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


def test_records_have_a_column_for_each_known_signal_and_a_map_for_others(data, capsys):
    payload = dict.fromkeys(KNOWN, 1.0) | {"coolant_temp": 40.25}
    put(data, [a_record(payload=payload)])
    (row,) = ask(capsys, "FROM records")
    assert row == {
        "hour": "2025-10-19 14:00:00",
        "timestamp": "2025-10-19 14:30:00",
        "vehicle_id": "veh-00123",
        "can_id": "0x1F0",
        **dict.fromkeys(KNOWN, 1.0),
        "other_signals": {"coolant_temp": 40.25},
        "ingest_received_at": "2025-10-19 14:30:00.2",
    }


def test_a_signal_that_appears_in_the_last_object_is_there(data, capsys):
    put(data, *([record] for record in some_records(30)), [a_record(can_id="0x2", payload={"late_one": 7})])
    (row,) = ask(capsys, "SELECT max(other_signals['late_one']) AS late, count(*) AS records FROM records")
    assert row == {"late": 7.0, "records": 31}


def copies(seed: int) -> list[Any]:
    """Make records of few identities, whose copies differ in every way that decides which of them counts."""
    chosen = random.Random(seed)
    values = (-1.0, 0.0, 0.5, 2.0)
    names = ("aa", "battery_soc", "battery_voltage", "mm", "zz")
    return [
        a_record(
            vehicle_id=chosen.choice("ab"),
            timestamp_ms=NOW + chosen.randrange(3),
            received_ms=NOW + 100 + chosen.randrange(2),
            payload={
                name: chosen.choice(values) for name in chosen.sample(names, chosen.randint(1, len(names)))
            },
        )
        for _ in range(60)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_each_record_is_there_once_by_the_rule_of_the_figures(data, capsys, seed):
    made = copies(seed)
    put(data, *(made[start : start + 7] for start in range(0, len(made), 7)))
    built = asyncio.run(Aggregator(LocalStorage(data)).build(HOUR))
    assert built
    assert built.aggregated.conflicting
    known = " UNION ALL ".join(
        f"SELECT vehicle_id, '{name}' AS signal, {name} AS value FROM records" for name in KNOWN
    )
    rows = ask(
        capsys,
        f"WITH known AS ({known}), other AS (SELECT vehicle_id, unnest(map_entries(other_signals)) AS each FROM records) "
        "SELECT vehicle_id, signal, count(value) AS count, min(value) AS min, max(value) AS max, avg(value) AS avg "
        "FROM (FROM known UNION ALL SELECT vehicle_id, each.key, each.value FROM other) "
        "GROUP BY ALL HAVING count > 0 ORDER BY ALL",
    )
    expected = [
        {
            "vehicle_id": vehicle_id,
            "signal": name,
            "count": each.count,
            "min": each.min,
            "max": each.max,
            "avg": each.avg,
        }
        for vehicle_id, vehicle in built.aggregated.vehicles.items()
        for name, each in vehicle.signals.items()
    ]
    assert rows == [{**each, "avg": pytest.approx(each["avg"], abs=1e-12)} for each in expected]
    assert ask(capsys, "SELECT count(*) AS n FROM records") == [{"n": built.aggregated.unique}]
    assert ask(capsys, "SELECT count(*) AS n FROM raw_lines") == [{"n": built.aggregated.records}]


def test_what_is_no_record_of_its_hour_is_left_out(data, capsys):
    put(data, [a_record()])
    (file,) = data.glob("raw/**/*.jsonl")
    line = file.read_text()
    others = [
        "torn",
        "[]",
        "{}",
        line.strip().replace("T14:", "T15:"),
        line.strip().replace("85.5", '"high"'),
        line.strip().replace("2025-10-19T14:30:00.200Z", "never"),
    ]
    file.with_name("others.jsonl").write_text("\n".join(others))
    assert ask(capsys, "SELECT count(*) AS n FROM records") == [{"n": 1}]


def test_figures_and_hours_are_those_that_are_stored(data, capsys):
    put(data, some_records(3), some_records(2))
    built = asyncio.run(Aggregator(LocalStorage(data)).build(HOUR))
    assert built
    (soc,) = ask(capsys, "FROM figures WHERE signal = 'battery_soc'")
    assert soc == {
        "hour": "2025-10-19 14:00:00",
        "vehicle_id": "veh-00123",
        "signal": "battery_soc",
        "count": 3,
        "min": 85.5,
        "max": 85.5,
        "avg": 85.5,
        "records": 3,
        "first_record": "2025-10-19 14:30:00",
        "last_record": "2025-10-19 14:30:00.4",
    }
    (hour,) = ask(
        capsys, "SELECT hour, state, records, unique_records, duplicates, vehicles, input_digest FROM hours"
    )
    assert hour == {
        "hour": "2025-10-19 14:00:00",
        "state": None,
        "records": 5,
        "unique_records": 3,
        "duplicates": 2,
        "vehicles": 1,
        "input_digest": built.aggregated.input_digest,
    }
    (data / objects.aggregated_key(HOUR)).write_text("torn")
    assert ask(capsys, "FROM hours") == []


def test_a_span_says_which_hours_are_read(data, capsys):
    put(data, [a_record()])
    put(data, [a_record(timestamp_ms=NOW - HOUR_MS)])
    span = ("--from", "2025-10-19T14", "--to", "2025-10-19T14")
    assert ask(capsys, "SELECT count(*) AS n FROM records", *span) == [{"n": 1}]
    assert ask(capsys, "SELECT count(*) AS n FROM records", "--from", "2025-10-19T13") == [{"n": 2}]
    assert ask(capsys, "SELECT count(*) AS n FROM records", "--to", "2025-10-18T00") == [{"n": 0}]


def test_a_condition_on_the_hour_leaves_the_files_of_other_hours_unread(data, capsys):
    put(data, [a_record()])
    put(data, [a_record(timestamp_ms=NOW - HOUR_MS)])
    question = "EXPLAIN ANALYZE SELECT count(*) FROM records WHERE hour = '2025-10-19 14:00'"
    (plan,) = ask(capsys, question)
    assert "Scanning Files: 1/2" in plan["explain_value"]


def test_compressed_objects_are_read_and_a_damaged_one_is_named(data, capsys):
    put(data, [a_record(can_id="0x2")], suffix="jsonl.zst")
    (file,) = data.glob("raw/**/*.zst")
    put(data, some_records(2), suffix="jsonl.zst")
    assert ask(capsys, "SELECT count(*) AS n FROM records") == [{"n": 3}]
    file.write_bytes(file.read_bytes()[:-9])
    assert cli.main(["query", "SELECT count(*) AS n FROM records", "--format", "json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == {"n": 2}
    assert f"{file.name} is damaged" in said.err


def test_answers_are_tables_csv_json_or_parquet(data, capsys, monkeypatch, tmp_path):
    put(data, some_records(2))
    question = "SELECT timestamp, vehicle_id, battery_soc, battery_voltage FROM records ORDER BY timestamp"
    assert cli.main(["query", question]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["timestamp"] for row in rows] == ["2025-10-19 14:30:00", "2025-10-19 14:30:00.2"]
    assert cli.main(["query", question, "--format", "table"]) == 0
    assert "2025-10-19 14:30:00.200" in capsys.readouterr().out
    for name in ("answer.csv", "answer.jsonl", "answer.parquet"):
        assert cli.main(["query", question, "--output", name]) == 0
    assert len((tmp_path / "answer.csv").read_text().splitlines()) == 3
    assert json.loads((tmp_path / "answer.jsonl").read_text().splitlines()[0])["battery_voltage"] is None
    assert (tmp_path / "answer.parquet").read_bytes()[:4] == b"PAR1"
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == [
        "answer.csv",
        "answer.jsonl",
        "answer.parquet",
    ]
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 42 AS n"))
    assert ask(capsys, "-") == [{"n": 42}]


@pytest.mark.usefixtures("data")
def test_a_table_ends_somewhere_and_says_so(capsys):
    assert cli.main(["query", "FROM range(1001)", "--format", "table"]) == 0
    said = capsys.readouterr()
    assert "999" in said.out
    assert "the first 1000 rows" in said.err


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("COPY records TO 'stolen.csv'", "one statement"),
        ("COPY (SELECT 1) TO 'data/raw/forged.jsonl'", "one statement"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("", "one statement"),
        ("ATTACH 'other.db'", "one statement"),
        ("SET enable_external_access = true", "one statement"),
        ("INSTALL httpfs", "one statement"),
        ("CREATE TABLE mine AS SELECT 1", "one statement"),
        ("FROM read_text('secret.txt')", "file system operations are disabled"),
        ("FROM read_text('data/raw/../../secret.txt')", "file system operations are disabled"),
        ("FROM read_csv('data/queue.db')", "file system operations are disabled"),
        ("SELECT nonsense FROM records", 'column "nonsense" not found'),
        ("FROM nowhere", "nowhere does not exist"),
        ("SELEC 1", "syntax error"),
    ],
)
def test_a_question_asks_and_sees_nothing_but_the_store(data, capsys, tmp_path, question, why):
    put(data, [a_record()])
    (tmp_path / "secret.txt").write_text("secret")
    (data / "queue.db").write_text("secret")
    before = sorted(tmp_path.rglob("*"))
    assert why in refusal(capsys, question)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["FROM hours", "--format", "parquet"], "--format: parquet is no text"),
        (["FROM hours", "--format", "table", "--output", "x.csv"], "--format: a table is for a terminal"),
        (["FROM hours", "--format", "xml"], "--format: invalid choice: 'xml'"),
        (["FROM hours", "--from", "2025-10-19T14", "--to", "2025-10-19T13"], "--to: it is before --from"),
        (
            ["FROM hours", "--output", "no/such/folder.csv"],
            "--output: no/such/folder.csv: there is no folder",
        ),
    ],
)
@pytest.mark.usefixtures("data")
def test_options_that_do_not_go_together_are_refused(capsys, arguments, why):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["query", *arguments])
    assert why in capsys.readouterr().err


def test_without_a_question_it_shows_its_help(capsys):
    assert cli.main(["query"]) == 0
    assert "records" in capsys.readouterr().out


def test_it_asks_again_if_objects_were_replaced_meanwhile(data, capsys, monkeypatch):
    put(data, [a_record()])
    attempts = []
    answered = asking._answer

    async def replaced(*arguments: Any) -> Any:
        attempts.append(1)
        if len(attempts) < 3:
            raise FilesGoneError("it was removed after it was listed")
        return await answered(*arguments)

    monkeypatch.setattr(asking, "_answer", replaced)
    assert ask(capsys, "SELECT count(*) AS n FROM records") == [{"n": 1}]
    assert len(attempts) == 3


def test_an_object_that_cannot_be_opened_is_named(data, capsys):
    put(data, [a_record()])
    (file,) = data.glob("raw/**/*.jsonl")
    file.unlink()
    file.symlink_to(data / "nowhere")
    assert file.name in refusal(capsys, "FROM records")


@pytest.mark.usefixtures("data")
def test_without_duckdb_it_says_how_to_install_it(capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in {"duckdb", "_duckdb"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "telemetry.adapters.sql.database", raising=False)
    assert "duckdb is not installed: pip install" in refusal(capsys, "FROM records")
