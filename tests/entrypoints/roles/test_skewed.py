"""`telemetry skewed` shows the records whose clocks were not believed, and judges them again."""

import asyncio
import json
from pathlib import Path

import pytest

from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.entrypoints.process import cli
from tests.builders import HOUR, NOW, a_record, put_batch

RECEIVED = "2025-10-20T14"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with two records that a receiver stamped a day late, which is 6 hours too much."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKEW_MAX_PAST", str(18 * 3600))
    records = [a_record(can_id=can_id, received_ms=NOW + 24 * HOUR_MS) for can_id in ("0x1", "0x2")]
    policy = PartitionPolicy(past_ms=18 * HOUR_MS)
    asyncio.run(put_batch(LocalStorage(tmp_path / "data"), *records, policy=policy))
    return tmp_path / "data"


@pytest.mark.usefixtures("data")
def test_they_are_listed_by_hour_of_receipt(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["skewed", "list", "--from", RECEIVED]) == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if RECEIVED in line)
    assert row.replace("│", " ").split() == [RECEIVED, "2", "1", "-86400.000", "s"]
    assert cli.main(["skewed", "list", "--to", "2025-10-20T13"]) == 0
    assert RECEIVED not in capsys.readouterr().out


def test_they_are_filed_in_their_hours_once_the_receivers_clock_is_put_right(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    span = ["--from", RECEIVED, "--to", RECEIVED]
    assert cli.main(["skewed", "refile", *span]) == 0
    assert "refiled 0 records into 0 hours" in capsys.readouterr().out
    assert cli.main(["skewed", "refile", *span, "--received-offset", "-21600"]) == 0
    assert "refiled 2 records into 1 hour," in capsys.readouterr().out
    assert len(list(data.glob(f"raw/{hour_path(HOUR)}/*.jsonl"))) == 1
    assert list(data.glob("skewed/**/*.jsonl")) == []
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 0
    assert "unique=2" in capsys.readouterr().err


@pytest.mark.usefixtures("data")
def test_both_actions_answer_in_json(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["skewed", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "hour": RECEIVED,
        "records": 2,
        "vehicles": 1,
        "median_offset_s": -86400.0,
        "damaged": 0,
    }
    span = ["--from", RECEIVED, "--to", RECEIVED, "--received-offset", "-21600"]
    assert cli.main(["skewed", "refile", *span, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"filed": 2, "left": 0, "hours": ["2025-10-19T14"]}


def test_damage_is_named_and_it_fails(data: Path, capsys: pytest.CaptureFixture[str]):
    (file,) = data.glob("skewed/**/*.jsonl")
    file = file.rename(file.with_name("theirs.jsonl"))
    file.write_bytes(b"torn\n")
    for arguments in (["list"], ["refile", "--from", RECEIVED, "--to", RECEIVED]):
        assert cli.main(["skewed", *arguments]) == 1
        assert f"{file.name} is damaged: 1 line is left out" in capsys.readouterr().err


def test_without_an_action_it_shows_its_help(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["skewed"]) == 0
    assert "refile" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["refile"],
        ["refile", "--from", RECEIVED],
        ["list", "--from", RECEIVED, "--to", "2025-10-19T14"],
        ["list", "--from", "yesterday"],
        ["refile", "--from", RECEIVED, "--to", RECEIVED, "--received-offset", "nan"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["skewed", *arguments])
    assert ended.value.code == 2
    assert "--" in capsys.readouterr().err
