"""`telemetry status`: six numbers for a person, and for a program by a schema."""

import json
from pathlib import Path

import msgspec
import pytest

from telemetry.domain.watch.vitals import Vital, Vitals
from telemetry.entrypoints.process import cli, runtime
from telemetry.entrypoints.roles import status

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "status.schema.json"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_names_what_is_wrong_and_the_command_that_helps(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["status"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("0 receivers, 0 consumers, 0 aggregators")
    wrong = lines.index("! stored                  0.00 records/s")
    assert lines[wrong + 1].endswith(": no consumer runs")
    assert lines[wrong + 2] == "    telemetry consumer"


def test_what_it_prints_as_json_is_as_its_schema_says(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["status", "--json"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    found = msgspec.json.decode(line, type=Vitals)
    assert [each.name for each in found.vitals] == [
        *("stored", "p95", "oldest", "rejected", "dead_letters", "hours_overdue")
    ]
    described = json.loads(SCHEMA.read_text())["$defs"]
    assert set(json.loads(line)) == set(described["Vitals"]["required"])
    assert all(set(each) <= set(described["Vital"]["properties"]) for each in json.loads(line)["vitals"])


def test_the_schema_is_current():
    assert json.loads(SCHEMA.read_text()) == msgspec.json.schema(Vitals)


def test_a_number_that_is_well_has_no_second_line():
    well = Vitals("2025-10-19T14:30:00.000Z", {}, [Vital("stored", 1234.5, "records/s", "", wrong=False)])
    assert list(status.lines(well))[1:] == ["  stored                 1,234 records/s"]
    unknown = Vitals("2025-10-19T14:30:00.000Z", {}, [Vital("p95", None, "s", "", wrong=False)])
    assert list(status.lines(unknown))[1:] == ["  P95 end to end             - s"]


def test_watching_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch, capsys):
    async def stop(stopping, _every_s: float) -> None:
        looks.append(None)
        if len(looks) > 1:
            stopping.set()

    looks: list[None] = []
    monkeypatch.setattr(runtime, "pause", stop)
    assert cli.main(["status", "--watch", "--json", "--every", "0.01"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2
