"""`telemetry prove`: the proof of a run, from its ledger."""

import asyncio
from pathlib import Path

import pytest

from telemetry.adapters.ledger import Ledger
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.record import Record
from telemetry.entrypoints.process import cli
from tests.builders import NOON, put_batch

RECORDS = [
    Record(NOON, "veh-1", "0x1F0", {"battery_soc": 50.0}, NOON + 50),
    Record(NOON + 200, "veh-1", "0x1F0", {"battery_soc": 50.0}, NOON + 250),
    Record(0, "veh-2", "0x1F0", {"battery_soc": 50.0}, NOON + 250),  # a clock that says 1970
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that holds three records twice, and the ledger of their run, in which a fourth was refused."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    storage = LocalStorage(tmp_path / "data")
    for record in RECORDS:
        for now in (1, 2):
            asyncio.run(put_batch(storage, record, now=now))
    with Ledger(tmp_path / "run.jsonl") as ledger:
        ledger.write(NOON, [*RECORDS, Record(NOON + 400, "veh-1", "0x1F0", {})], {3})
    return tmp_path / "run.jsonl"


def test_a_ledger_is_proved_against_the_stores_skewed_records_included(run, capsys):
    assert cli.main(["prove", "--ledger", str(run)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("proof: sent=4 accepted=3 stored=6 unique=3 duplicates=3 pending=0 lost=0 p50=")


def test_what_was_accepted_and_is_not_stored_is_lost_and_fails(run, capsys):
    for each in (run.parent / "data" / "skewed").rglob("*.jsonl"):
        each.unlink()
    assert cli.main(["prove", "--ledger", str(run), "--settle", "0"]) == 1
    assert " lost=1 " in capsys.readouterr().out.splitlines()[-1]


def test_a_file_that_is_no_ledger_is_said_in_one_line(run, capsys):
    run.write_text("{}\n")
    assert cli.main(["prove", "--ledger", str(run)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"telemetry prove: {run}: it is no ledger: ")
    assert said.count("\n") == 1
