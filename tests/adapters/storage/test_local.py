"""What is the folder's own: that an object is durable when it is put, and that nothing else is ever to be seen."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.storage import ObjectExistsError

KEY = "raw/hour=14/batch-1.jsonl"
DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def storage(root):
    return LocalStorage(root)


@pytest.fixture
def calls(monkeypatch, root):
    """What is asked of the disk, in order, with paths as they are at that moment and relative to the root."""
    calls: list[tuple[str, ...]] = []
    sync, replace, mkdir = os.fsync, Path.replace, Path.mkdir

    def name(path: Path) -> str:
        spelled = os.path.relpath(path, root)
        return "temporary" if path.name.startswith(".batch") else spelled

    def record_sync(descriptor: int) -> None:
        calls.append(("sync", name(_opened(descriptor, root.parent))))
        sync(descriptor)

    def record_replace(self: Path, target: Path) -> Path:
        calls.append(("rename", name(self), name(target)))
        return replace(self, target)

    def record_mkdir(self: Path, *args: Any, **options: Any) -> None:
        calls.append(("make", name(self)))
        mkdir(self, *args, **options)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(Path, "replace", record_replace)
    monkeypatch.setattr(Path, "mkdir", record_mkdir)
    return calls


def _opened(descriptor: int, above: Path) -> Path:
    """Find what a descriptor is of, at or below a folder."""
    opened = os.fstat(descriptor)
    return next(each for each in (above, *above.rglob("*")) if os.path.samestat(each.stat(), opened))


def _files(root: Path) -> list[str]:
    return sorted(each.relative_to(root).as_posix() for each in root.rglob("*") if each.is_file())


async def test_an_object_is_synced_then_renamed_then_its_folder_is_synced(storage, root, calls):
    (root / "raw" / "hour=14").mkdir(parents=True)
    calls.clear()
    await storage.put(KEY, b"lines")
    assert calls == [("sync", "temporary"), ("rename", "temporary", KEY), ("sync", "raw/hour=14")]


async def test_an_object_is_overwritten_in_the_same_order(storage, calls):
    await storage.put(KEY, b"old")
    calls.clear()
    await storage.put(KEY, b"new", overwrite=True)
    assert calls == [("sync", "temporary"), ("rename", "temporary", KEY), ("sync", "raw/hour=14")]


async def test_every_folder_that_had_to_be_made_is_synced_in_the_one_above_it(storage, calls):
    await storage.put(KEY, b"lines")
    assert calls[:6] == [
        ("make", "."),
        ("sync", ".."),
        ("make", "raw"),
        ("sync", "."),
        ("make", "raw/hour=14"),
        ("sync", "raw"),
    ]


async def test_a_deletion_is_synced(storage, calls):
    await storage.put(KEY, b"lines")
    calls.clear()
    await storage.delete(KEY)
    assert calls == [("sync", "raw/hour=14")]


async def test_an_object_that_is_there_already_is_synced_into_its_folder_once_more(
    storage, calls, monkeypatch
):
    # The first put may have failed after the rename, so that it is there and not durable.
    with monkeypatch.context() as broken:
        broken.setattr("telemetry.adapters.storage.local._sync_folder", _fail_for("hour=14"))
        with pytest.raises(OSError, match="No space left"):
            await storage.put(KEY, b"lines")
    calls.clear()
    await storage.put(KEY, b"lines")
    assert calls == [("sync", "raw/hour=14")]


async def test_what_is_renamed_is_whole(storage, monkeypatch):
    whole = bytes(range(256)) * 10_000
    seen = []
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.append(self.read_bytes())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look)
    await storage.put(KEY, whole)
    assert seen == [whole]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("old", [None, b"old"])
async def test_a_put_that_fails_leaves_what_was_there_and_nothing_else(storage, root, monkeypatch, step, old):
    (root / "raw" / "hour=14").mkdir(parents=True)
    if old is not None:
        await storage.put(KEY, old)
    with monkeypatch.context() as broken:
        broken.setattr(step, _fail)
        with pytest.raises(OSError, match="No space left"):
            await storage.put(KEY, b"new", overwrite=True)
    assert _files(root) == ([] if old is None else [KEY])
    assert [each.key for each in await storage.list("")] == ([] if old is None else [KEY])
    if old is not None:
        assert await storage.get(KEY) == old
    await storage.put(KEY, b"new", overwrite=True)
    assert await storage.get(KEY) == b"new"


async def test_a_put_that_fails_in_the_sync_of_its_folder_says_so_and_left_the_object_whole(
    storage, monkeypatch
):
    with monkeypatch.context() as broken:
        broken.setattr("telemetry.adapters.storage.local._sync_folder", _fail_for("hour=14"))
        with pytest.raises(OSError, match="No space left"):
            await storage.put(KEY, b"lines")
    assert await storage.get(KEY) == b"lines"


async def test_what_a_crash_left_behind_is_in_no_listing_and_in_nobodys_way(storage, root):
    await storage.put(KEY, b"lines")
    (root / "raw/hour=14/.batch-2.jsonl.0123456789abcdef").write_bytes(b"half a li")
    (root / "raw/.hidden").mkdir()
    (root / "raw/.hidden/batch-3.jsonl").write_bytes(b"not an object")
    for prefix in ("", "raw/", "raw/hour=14/", "raw/hour=14/."):
        assert [each.key for each in await storage.list(prefix)] == [KEY] * (prefix[-1:] != ".")
    assert await storage.list("raw/.hidden/") == []
    await storage.put("raw/hour=14/batch-2.jsonl", b"whole")


@pytest.mark.parametrize(
    "key",
    ["", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a/./b", ".hidden", "a/.b/c"],
)
@pytest.mark.parametrize("verb", ["put", "get", "delete"])
async def test_a_key_with_an_empty_part_or_one_that_begins_with_a_dot_is_refused(storage, root, verb, key):
    with pytest.raises(ValueError, match="is no key"):
        await getattr(storage, verb)(key, *([b"data"] if verb == "put" else []))
    assert not root.exists()


async def test_a_listing_does_not_leave_the_root(storage, tmp_path):
    await storage.put(KEY, b"lines")
    (tmp_path / "secret").write_text("beside the root")
    for prefix in ("../", "raw/../../", "../s", "raw/../"):
        assert await storage.list(prefix) == []


async def test_objects_may_be_deleted_while_they_are_listed(storage, monkeypatch):
    keys = [f"raw/hour=14/{n}" for n in range(5)]
    for key in keys:
        await storage.put(key, b"1")
    status = Path.stat

    def stat(self: Path, **options: Any) -> os.stat_result:
        if self.name == "3" and "follow_symlinks" not in options:
            self.unlink(missing_ok=True)
        return status(self, **options)

    monkeypatch.setattr(Path, "stat", stat)
    assert [each.key for each in await storage.list("raw/")] == [key for key in keys if key[-1] != "3"]


async def test_a_listing_goes_on_while_objects_come_and_go(storage):
    await storage.put("raw/stays", b"1")

    async def come_and_go() -> None:
        for n in range(40):
            await storage.put(f"raw/hour={n % 5}/{n}", b"1")
            await storage.delete(f"raw/hour={n % 5}/{n}")

    coming = asyncio.create_task(come_and_go())
    while not coming.done():
        assert "raw/stays" in [each.key for each in await storage.list("raw/")]
    await coming


async def test_a_folder_that_is_gone_in_the_midst_of_a_listing_is_left_out(storage, monkeypatch):
    await storage.put(KEY, b"1")
    monkeypatch.setattr(os, "scandir", _scandir_failing("hour=14", FileNotFoundError(errno.ENOENT, "gone")))
    assert await storage.list("") == []


async def test_a_folder_that_cannot_be_read_fails_the_listing_rather_than_being_left_out(
    storage, monkeypatch
):
    await storage.put(KEY, b"1")
    monkeypatch.setattr(
        os, "scandir", _scandir_failing("hour=14", PermissionError(errno.EACCES, "Permission denied"))
    )
    with pytest.raises(PermissionError, match="Permission denied"):
        await storage.list("")


@pytest.mark.parametrize("verb", ["get", "delete"])
async def test_a_failure_of_the_disk_rises(storage, monkeypatch, verb):
    await storage.put(KEY, b"1")
    monkeypatch.setattr(Path, {"get": "read_bytes", "delete": "unlink"}[verb], _fail)
    with pytest.raises(OSError, match="No space left"):
        await getattr(storage, verb)(KEY)


async def test_a_root_that_cannot_be_made_rises(tmp_path):
    (tmp_path / "file").write_text("in the place of the folder")
    with pytest.raises(OSError, match="file"):
        await LocalStorage(tmp_path / "file").put(KEY, b"1")


async def test_an_object_in_the_place_of_a_folder_rises(storage):
    await storage.put("raw", b"1")
    with pytest.raises(OSError, match="raw"):
        await storage.put(KEY, b"1")
    assert await storage.get("raw") == b"1"


async def test_a_conflict_names_the_key_and_not_where_the_store_is(storage):
    await storage.put(KEY, b"1")
    with pytest.raises(ObjectExistsError) as refused:
        await storage.put(KEY, b"2")
    assert str(refused.value) == KEY


async def test_an_object_is_a_plain_file_under_its_key(storage, root):
    await storage.put(KEY, b"lines\n")
    assert (root / KEY).read_bytes() == b"lines\n"
    assert _files(root) == [KEY]


def _fail(*_: object, **__: object) -> Any:
    raise DISK_FULL


def _fail_for(name: str) -> Any:
    return lambda folder: _fail() if folder.name == name else None


def _scandir_failing(name: str, error: OSError) -> Any:
    scandir = os.scandir

    def scan(path: Any) -> Any:
        if Path(path).name == name:
            raise error
        return scandir(path)

    return scan
