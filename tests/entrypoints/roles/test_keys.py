"""`telemetry keys` makes, lists and revokes keys, and shows each once."""

import json
from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli

pytestmark = pytest.mark.usefixtures("elsewhere")

NAMED = "telemetry keys: API_KEYS_FILE: "


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("API_KEYS_FILE", "keys.json")
    return Path("keys.json")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run `telemetry keys`; return its exit status and what it prints."""
    try:
        status = cli.main(["keys", *arguments])
    except SystemExit as ended:
        status = int(str(ended.code))
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_key_is_shown_once_listed_without_itself_and_revoked(file: Path, capsys):
    options = ("--vehicles", "depot-7-*", "v?", "--rate", "500", "--expires", "2130-01-31T01:00:00+01:00")
    status, out, _ = run(capsys, "add", "depot-7", *options)
    key = out.strip()
    assert status == 0
    assert len(key) >= 40
    assert key not in file.read_text()
    assert run(capsys, "add", "all")[0] == 0
    status, listed, _ = run(capsys, "list")
    assert (status, listed.splitlines()) == (
        0,
        [
            "depot-7  vehicles depot-7-*,v?  500 records a second  expires 2130-01-31T00:00:00Z",
            "all  vehicles *  any number of records  expires never",
        ],
    )
    assert run(capsys, "revoke", "depot-7")[0] == 0
    assert run(capsys, "list")[1].startswith("all ")


def test_an_older_entry_is_listed_by_its_place_and_what_is_wrong_with_it(file: Path, capsys):
    file.write_text(json.dumps([{"key": "hush", "expires": "2020-01-01T00:00:00Z"}]))
    _, listed, _ = run(capsys, "list")
    assert listed == (
        "entry 1  vehicles *  any number of records  expires 2020-01-01T00:00:00Z, which has passed"
        "  stored in plain text\n"
    )


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (("add", "a b"), 1, f"{NAMED}name: "),
        (("add", "a", "--vehicles", "veh-[0-9]"), 1, f"{NAMED}vehicles: "),
        (("add", "a", "--vehicles", ""), 1, f"{NAMED}vehicles: "),
        (("add", "a", "--rate", "-1"), 2, "telemetry keys: argument --rate: -1: "),
        (("add", "a", "--rate", "inf"), 2, "telemetry keys: argument --rate: inf: "),
        (("add", "a", "--expires", "soon"), 2, "telemetry keys: argument --expires: soon: "),
        (("add", "a", "--expires", "2130-01-01T00:00:00"), 2, "telemetry keys: argument --expires: "),
        (("add", "a", "--expires", "2020-01-01T00:00:00Z"), 2, "telemetry keys: argument --expires: "),
        (("revoke", "nobody"), 1, f"{NAMED}keys.json: there is no key with the name nobody"),
        (("list",), 1, f"{NAMED}keys.json: No such file or directory"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(capsys, arguments, status: int, complaint: str):
    found, out, said = run(capsys, *arguments)
    assert (found, out) == (status, "")
    assert said.startswith(complaint)
    assert said.count("\n") == 1
    assert not Path("keys.json").exists()


def test_a_name_is_taken_once(file: Path, capsys):
    run(capsys, "add", "a")
    before = file.read_bytes()
    assert run(capsys, "add", "a")[2].startswith(f"{NAMED}keys.json: there is a key with the name a")
    assert file.read_bytes() == before


def test_without_a_file_the_setting_is_named(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("API_KEYS_FILE", raising=False)
    status, _, said = run(capsys, "list")
    assert status == 1
    assert said.startswith(f"{NAMED}not set")


def test_alone_it_prints_its_help(capsys):
    status, out, _ = run(capsys)
    assert status == 2
    assert "revoke" in out
