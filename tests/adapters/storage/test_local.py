"""What only the store in a folder promises: a put returns once object and folder are synced."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telemetry.adapters import folders
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.store.storage import ObjectExistsError, ObjectNotFoundError, StoreUnavailableError

KEY = "raw/year=2025/hour=14/batch-1.jsonl"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "data")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down what is synced and renamed, by name below the data directory."""
    noted: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        kind = "folder" if path.is_dir() else "file"
        noted.append(f"sync {kind} {path.name if kind == 'folder' else path.parent.name}")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        noted.append(f"rename to {target.name}")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    return noted


def everything_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_an_object_is_synced_then_renamed_then_its_folder_is_synced(
    storage: LocalStorage, steps: list[str]
):
    await storage.put(KEY, b"lines")
    assert steps[-3:] == ["sync file hour=14", "rename to batch-1.jsonl", "sync folder hour=14"]


async def test_every_folder_that_has_to_be_made_is_made_durable_by_the_one_above(
    storage: LocalStorage, steps: list[str], tmp_path: Path
):
    await storage.put(KEY, b"lines")
    above = [f"sync folder {name}" for name in (tmp_path.name, "data", "raw", "year=2025")]
    beyond = [f"sync folder {folder.name}" for folder in tmp_path.parents]
    assert steps[:-3] == [*above, *reversed(above), *beyond]  # as they are made, and for those others made
    steps.clear()
    await storage.put(KEY.replace("batch-1", "batch-2"), b"lines")
    assert len(steps) == 3


@pytest.mark.parametrize("step", ["fsync", "replace"])
async def test_a_write_that_breaks_off_leaves_no_object_and_no_litter(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    await storage.put("raw/other", b"x")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr({"fsync": os, "replace": Path}[step], step, fail)
    with pytest.raises(StoreUnavailableError, match="No space left"):
        await storage.put("raw/batch", b"lines")
    monkeypatch.undo()
    with pytest.raises(ObjectNotFoundError):
        await storage.get("raw/batch")
    assert everything_in(tmp_path) == ["other"]
    await storage.put("raw/batch", b"lines")
    assert await storage.get("raw/batch") == b"lines"


async def test_an_object_that_is_overwritten_is_there_whole_all_the_time(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    await storage.put(KEY, b"old")

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreUnavailableError):
        await storage.put(KEY, b"new", overwrite=True)
    assert await storage.get(KEY) == b"old"


async def test_an_object_of_the_same_key_and_other_bytes_is_not_touched(storage: LocalStorage):
    await storage.put(KEY, b"old")
    with pytest.raises(ObjectExistsError, match=KEY):
        await storage.put(KEY, b"new")
    assert await storage.get(KEY) == b"old"


async def test_an_object_that_is_there_already_is_durable_when_put_returns(
    storage: LocalStorage, steps: list[str]
):
    await storage.put(KEY, b"lines")
    steps.clear()
    await storage.put(KEY, b"lines")
    assert steps == ["sync folder hour=14"]


async def test_what_a_crash_left_unfinished_is_in_no_listing(storage: LocalStorage, tmp_path: Path):
    await storage.put(KEY, b"lines")
    folder = tmp_path / "data/raw/year=2025/hour=14"
    (folder / ".batch-2.jsonl.0123").write_bytes(b"hal")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "file").touch()
    assert [info.key for info in await storage.list("")] == [KEY]
    assert await storage.list("raw/year=2025/hour=14/.") == []


@pytest.mark.parametrize("key", ["", "/", "a//b", "a/", "../a", "a/../b", "a/./b", ".a", "a/.b"])
async def test_a_key_that_would_leave_its_place_is_refused(storage: LocalStorage, key: str, tmp_path: Path):
    for verb in (storage.get(key), storage.put(key, b"x"), storage.delete(key)):
        with pytest.raises(ValueError, match="is no key"):
            await verb
    assert everything_in(tmp_path) == []


async def test_a_listing_stays_inside_of_the_root(storage: LocalStorage, tmp_path: Path):
    (tmp_path / "outside").write_bytes(b"x")
    await storage.put(KEY, b"lines")
    assert await storage.list("../") == []


async def test_an_object_appeared_when_it_was_renamed(storage: LocalStorage, tmp_path: Path):
    await storage.put(KEY, b"lines")
    (info,) = await storage.list("raw/")
    assert info.stored_ms == (tmp_path / "data" / KEY).stat().st_ctime_ns // 1_000_000
    assert info.size == len(b"lines")


async def test_a_listing_leaves_out_objects_that_are_deleted_meanwhile(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    await storage.put("raw/a", b"x")
    await storage.put("raw/b", b"x")
    real = os.scandir

    @contextmanager
    def scandir(path: str) -> Iterator[list[os.DirEntry[str]]]:
        with real(path) as entries:
            yield sorted(entries, key=lambda entry: entry.name)
            # The caller has read the folder.
        Path(path, "a").unlink()

    monkeypatch.setattr(os, "scandir", scandir)
    assert [info.key for info in await storage.list("raw/")] == ["raw/b"]


async def test_a_folder_that_cannot_be_read_is_an_error_and_not_an_empty_listing(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    await storage.put(KEY, b"x")

    def refuse(_: object) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreUnavailableError, match="not yours"):
        await storage.list("raw/")


async def test_below_an_object_there_is_no_object(storage: LocalStorage):
    await storage.put("raw/a", b"x")
    with pytest.raises(ObjectNotFoundError):
        await storage.get("raw/a/b")
    with pytest.raises(ObjectNotFoundError):
        await storage.get("raw")
    await storage.delete("raw/a/b")
    assert await storage.get("raw/a") == b"x"


async def test_a_deletion_is_durable_when_delete_returns(storage: LocalStorage, steps: list[str]):
    await storage.put(KEY, b"lines")
    steps.clear()
    await storage.delete(KEY)
    assert steps == ["sync folder hour=14"]


async def test_a_put_whose_folder_could_not_be_synced_fails_until_it_could(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    await storage.put("raw/other", b"x")

    def fail(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("telemetry.adapters.folders.sync", fail)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="Input/output"):
            await storage.put("raw/batch", b"lines")
    assert await storage.get("raw/batch") == b"lines"  # whole, though no put has succeeded
    monkeypatch.undo()
    await storage.put("raw/batch", b"lines")


@pytest.mark.parametrize(("verb", "step"), [("get", "read_bytes"), ("delete", "unlink")])
async def test_a_failure_of_the_disk_rises(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, verb: str, step: str
):
    await storage.put(KEY, b"x")

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(StoreUnavailableError, match="Input/output"):
        await getattr(storage, verb)(KEY)


async def test_a_root_that_cannot_be_made_rises(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="file"):
        await LocalStorage(tmp_path / "file").put(KEY, b"x")


async def test_a_folder_that_is_gone_in_the_midst_of_a_listing_is_left_out(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    await storage.put(KEY, b"x")
    real = os.scandir

    def scan(path: str) -> object:
        if Path(path).name == "hour=14":
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert await storage.list("") == []


async def test_a_conflict_names_the_key_and_not_where_the_store_is(storage: LocalStorage):
    await storage.put(KEY, b"1")
    with pytest.raises(ObjectExistsError) as refused:
        await storage.put(KEY, b"2")
    assert str(refused.value) == KEY


@pytest.mark.parametrize("target", ["nowhere", "batch-1.jsonl"], ids=["dangling", "to itself"])
async def test_a_link_that_leads_nowhere_is_listed_cannot_be_read_and_costs_no_neighbour(
    storage: LocalStorage, tmp_path: Path, target: str
):
    await storage.put(KEY.replace("batch-1", "batch-2"), b"lines")
    (tmp_path / "data" / KEY).symlink_to(target)
    assert [info.key for info in await storage.list("raw/")] == [KEY, KEY.replace("batch-1", "batch-2")]
    with pytest.raises((ObjectNotFoundError, StoreUnavailableError), match="batch-1"):
        await storage.get(KEY)


async def test_a_folder_in_place_of_an_object_is_no_object(storage: LocalStorage, tmp_path: Path):
    (tmp_path / "data" / KEY).mkdir(parents=True)
    assert await storage.list("raw/") == []
    with pytest.raises(ObjectNotFoundError, match="batch-1"):
        await storage.get(KEY)


async def test_what_is_no_file_or_has_no_name_in_text_is_no_object(storage: LocalStorage, tmp_path: Path):
    await storage.put(KEY, b"lines")
    folder = tmp_path / "data" / KEY.rpartition("/")[0]
    os.mkfifo(folder / "batch-2.jsonl")
    (folder / os.fsdecode(b"batch-\xff.jsonl")).touch()
    (folder.parent / os.fsdecode(b"hour=\xff")).mkdir()
    assert [info.key for info in await storage.list("raw/")] == [KEY]
    assert await storage.folders("raw/year=2025/") == ["raw/year=2025/hour=14/"]


async def test_folders_that_another_process_made_and_did_not_sync_are_synced_at_the_first_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "data" / "raw" / "hour").mkdir(parents=True)
    synced: list[Path] = []
    monkeypatch.setattr(folders, "sync", synced.append)
    storage = LocalStorage(tmp_path / "data")
    await storage.put("raw/hour/one", b"1")
    folder = tmp_path / "data" / "raw" / "hour"
    assert synced == [*folder.parents, folder]
    synced.clear()
    await storage.put("raw/hour/two", b"2")
    assert synced == [folder]
