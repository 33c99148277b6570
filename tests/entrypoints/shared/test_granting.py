"""Who may send is read at the start, again when the file of keys changes, and never half."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from structlog.testing import capture_logs

from telemetry.adapters.http.auth import Grant
from telemetry.adapters.keys.entry import Entry
from telemetry.adapters.keys.file import KeysFile
from telemetry.entrypoints.process.kinds import Secret, SettingsError
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import granting
from telemetry.entrypoints.shared.granting import Renewal


class Started(NamedTuple):
    """A process that has read its keys."""

    renewal: Renewal
    file: KeysFile
    path: Path


def started(path: Path) -> Started:
    file = KeysFile(path)
    if not path.exists():
        file.write([Entry(key="one", name="a")])
    renewal = Renewal(Settings(api_key=Secret("fleet"), api_keys_file=path), structlog.get_logger())
    return Started(renewal, file, path)


def names(grants: object) -> list[str]:
    assert isinstance(grants, list)
    return [grant.name for grant in grants if isinstance(grant, Grant)]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path):
    process = started(tmp_path / "keys.json")
    assert names(process.renewal.first()) == ["API_KEY", "a"]
    assert process.renewal.renewed() is None
    assert names(process.renewal.renewed(closely=True)) == ["API_KEY", "a"]  # as at SIGHUP


def test_a_file_that_has_changed_is_read_once(tmp_path: Path):
    process = started(tmp_path / "keys.json")
    process.file.add(Entry(name="b"))
    assert names(process.renewal.renewed()) == ["API_KEY", "a", "b"]
    assert process.renewal.renewed() is None


def test_the_last_key_of_a_file_can_be_revoked_while_a_receiver_runs(tmp_path: Path):
    path = tmp_path / "keys.json"
    started(path)
    renewal = Renewal(Settings(api_keys_file=path), structlog.get_logger())
    assert names(renewal.first()) == ["a"]
    KeysFile(path).revoke("a")
    assert renewal.renewed() == []


@pytest.mark.parametrize(
    "content",
    ["", '[{"key": "hush"', '[{"key": "hush"}, {"key": ""}]', '[{"key": "fleet"}]', None],
    ids=["empty", "half", "one bad of two", "the key of the fleet", "gone"],
)
def test_a_file_with_a_fault_changes_nothing_and_is_logged_once(tmp_path: Path, content: str | None):
    process = started(tmp_path / "keys.json")
    process.renewal.first()
    if content is None:
        process.path.unlink()
    else:
        process.path.write_text(content)
    with capture_logs() as logged:
        assert [process.renewal.renewed() for _ in range(3)] == [None] * 3
    (line,) = logged
    assert line["log_level"] == "error"
    assert line["error"].startswith("API_KEYS_FILE: ")
    assert "hush" not in str(line)
    process.file.write([Entry(key="two", name="b")])
    assert names(process.renewal.renewed()) == ["API_KEY", "b"]


def test_a_worker_that_starts_while_the_file_has_a_fault_takes_what_counted_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(granting.SHARED_DIR, str(tmp_path))
    path = tmp_path / "theirs.json"
    process = started(path)
    process.renewal.first()
    key = process.file.add(Entry(name="b", rate=5))
    process.renewal.renewed()
    path.write_text("[")
    later = started(path)
    fleet, one, two = later.renewal.first()
    assert (fleet.name, one.name, two.name, two.rate) == ("API_KEY", "a", "b", 5)
    copied = KeysFile(tmp_path / "keys.json").read()
    assert [each.is_for(known) for each, known in zip(copied, ("one", key), strict=True)] == [True, True]
    assert "one" not in (tmp_path / "keys.json").read_text()  # hashes only


def test_without_others_to_share_with_a_process_that_starts_refuses_a_fault(tmp_path: Path):
    (tmp_path / "keys.json").write_text(json.dumps([{"key": "k", "vehicle": []}]))
    with pytest.raises(SettingsError, match="did you mean vehicles"):
        started(tmp_path / "keys.json").renewal.first()


def test_workers_sign_sessions_with_one_secret_that_no_other_user_reads(tmp_path: Path, monkeypatch):
    alone = granting.session_secret()
    assert len(alone) == 32
    assert granting.session_secret() != alone
    granting.share_secret(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv(granting.SHARED_DIR, str(tmp_path))
    assert granting.session_secret() == granting.session_secret() == file.read_bytes() != alone
