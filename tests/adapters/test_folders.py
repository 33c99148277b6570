"""Folders are made durably, also where another process made them and did not sync that."""

from pathlib import Path

import pytest

from telemetry.adapters import folders


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """List the folders that are synced."""
    found: list[Path] = []
    sync = folders.sync

    def note(folder: Path) -> None:
        found.append(folder)
        sync(folder)

    monkeypatch.setattr(folders, "sync", note)
    return found


def test_each_folder_above_is_synced_also_above_the_top(tmp_path: Path, synced: list[Path]):
    folder = tmp_path / "site" / "data" / "raw"
    folder.mkdir(parents=True)
    folders.sync_above(folder, folder.parent)
    assert synced == list(folder.parents)


def test_a_folder_above_the_top_that_may_not_be_read_is_passed_over_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "site" / "data" / "raw"
    folder.mkdir(parents=True)
    passed: list[Path] = []

    def refuse(place: Path) -> None:
        passed.append(place)
        if place == refused:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders, "sync", refuse)
    refused = tmp_path
    folders.sync_above(folder, folder.parent)
    assert passed == list(folder.parents)
    refused = folder.parent
    with pytest.raises(PermissionError):
        folders.sync_above(folder, folder.parent)


def test_folders_that_are_there_already_are_not_made(tmp_path: Path, synced: list[Path]):
    folders.make(tmp_path, 0o700)
    assert synced == []
