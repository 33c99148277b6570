"""`telemetry settings` shows what every setting is, and what made it so."""

import json
from pathlib import Path

import msgspec
import pytest

from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.settings import Settings

pytestmark = pytest.mark.usefixtures("elsewhere")

NAMES = [field.name.upper() for field in msgspec.structs.fields(Settings)]


@pytest.fixture(autouse=True)
def _given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give one setting by each way, and a secret."""
    (tmp_path / ".env").write_text("BATCH_SIZE=500\nBATCH_TIMEOUT=0.5\nAPI_KEY=hush-hush\n")
    monkeypatch.setenv("BATCH_TIMEOUT", "1.5")
    monkeypatch.setenv("S3_BUCKET", "")


def test_every_setting_is_shown_with_its_origin_unit_default_and_value(capsys):
    assert cli.main(["settings"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["setting", "origin", "unit", "default", "value"]
    assert [line.split()[0] for line in lines] == NAMES
    shown = {line.split()[0]: line.split()[1:] for line in lines}
    assert shown["BATCH_SIZE"] == [".env", "100", "500"]
    assert shown["BATCH_TIMEOUT"] == ["environment", "s", "2", "1.5"]
    assert shown["INGEST_MAX_BODY"] == ["default", "bytes", "10000000", "10000000"]
    assert shown["API_KEY"] == [".env", "-", "***"]
    assert shown["S3_BUCKET"] == ["default", "-", "-"]


def test_it_fits_on_a_terminal_of_80_columns(capsys):
    cli.main(["settings"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_the_same_is_json_for_machines(capsys):
    assert cli.main(["settings", "--json"]) == 0
    shown = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert list(shown) == NAMES
    assert shown["BATCH_TIMEOUT"] == {
        "name": "BATCH_TIMEOUT",
        "value": 1.5,
        "default": 2,
        "unit": "s",
        "origin": "environment",
        "what": "How old the oldest record of a batch becomes before the batch is stored, however few there are.",
    }
    assert (shown["API_KEY"]["value"], shown["DATA_DIR"]["value"]) == ("***", "data")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_secret_is_not_shown(options, capsys):
    cli.main(["settings", *options])
    said = capsys.readouterr()
    assert "hush" not in said.out + said.err
