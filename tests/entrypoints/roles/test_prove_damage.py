"""`telemetry prove` over a store that is damaged: what is damaged is named, and the rest is counted."""

import asyncio
from pathlib import Path

import pytest

from telemetry.adapters.ledger import Ledger
from telemetry.adapters.storage.local import LocalStorage
from telemetry.entrypoints.process import cli
from tests.builders import NOW, put_batch, put_foreign, some_records


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of four records in two objects, one of them compressed, and the ledger of their run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    storage, records = LocalStorage(tmp_path / "data"), some_records(4)
    asyncio.run(put_foreign(storage, *records[:2]))
    asyncio.run(put_batch(storage, *records[2:], now=2, suffix="jsonl.zst"))
    with Ledger(tmp_path / "run.jsonl") as ledger:
        ledger.write(NOW, records, set())
    return tmp_path / "data"


def test_a_whole_store_is_proved(capsys):
    assert cli.main(["prove", "--ledger", "run.jsonl", "--settle", "0"]) == 0
    assert " stored=4 unique=4 duplicates=0 pending=0 lost=0 " in capsys.readouterr().out


def test_a_damaged_line_and_a_damaged_object_are_named_and_it_fails(store, capsys):
    (plain,) = store.rglob("theirs.jsonl")
    (compressed,) = store.rglob("*.jsonl.zst")
    plain.write_bytes(plain.read_bytes() + b'{"timestamp": torn\n')
    compressed.write_bytes(compressed.read_bytes()[:-5])
    assert cli.main(["prove", "--ledger", "run.jsonl", "--settle", "0"]) == 1
    said = capsys.readouterr()
    second, first = sorted(said.err.splitlines())
    assert first.startswith(f"{plain.relative_to(store)} is damaged: 1 line is left out, line 3: ")
    assert second.startswith(f"{compressed.relative_to(store)} is damaged: It is not one whole zstd frame: ")
    assert " accepted=4 stored=2 unique=2 duplicates=0 pending=0 lost=2 " in said.out.splitlines()[-1]


def test_a_damaged_line_alone_makes_it_fail_though_nothing_is_lost(store, capsys):
    (plain,) = store.rglob("theirs.jsonl")
    plain.write_bytes(plain.read_bytes() + b"\xff\xfe\n")
    assert cli.main(["prove", "--ledger", "run.jsonl", "--settle", "0"]) == 1
    assert " stored=4 unique=4 duplicates=0 pending=0 lost=0 " in capsys.readouterr().out.splitlines()[-1]
