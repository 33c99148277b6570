"""The objects of a question become files, whatever store they are in."""

from pathlib import Path

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.sql import files
from telemetry.adapters.sql.files import Files, FilesGoneError
from telemetry.adapters.storage.local import LocalStorage
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.errors import UsageError
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.together import one_by_one
from tests.builders import NOW, a_record, put_batch


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage(ManualClock(NOW))


async def test_objects_of_a_store_that_has_no_files_are_copied(storage: MemoryStorage, tmp_path: Path):
    for suffix in ("jsonl", "jsonl.zst"):
        await put_batch(storage, a_record(can_id="0x1" if suffix == "jsonl" else "0x2"), suffix=suffix)
    brought = await Files(storage, one_by_one, tmp_path, None).of(await storage.list("raw/"))
    assert [Path(file).suffix for file in brought.files] == [".jsonl", ".jsonl"]
    assert all("/year=2025/month=10/day=19/hour=14/" in file for file in brought.files)
    assert ['"can_id":' in Path(file).read_text() for file in brought.files] == [True, True]
    assert brought.damage == []


async def test_files_of_the_local_store_are_read_where_they_lie(tmp_path: Path):
    storage = LocalStorage(tmp_path / "data")
    key = await put_batch(storage, a_record())
    brought = await Files(storage, one_by_one, tmp_path / "none", tmp_path / "data").of(
        await storage.list("raw/")
    )
    assert brought.files == [str(tmp_path / "data" / key)]


async def test_a_name_that_would_be_a_pattern_is_copied_under_another(tmp_path: Path):
    root = tmp_path / "data[1]"
    storage = LocalStorage(root)
    await put_batch(storage, a_record())
    brought = await Files(storage, one_by_one, tmp_path / "copies", root).of(await storage.list("raw/"))
    assert [Path(file).is_relative_to(tmp_path / "copies") for file in brought.files] == [True]


async def test_an_object_that_is_gone_has_the_question_asked_again(storage: MemoryStorage, tmp_path: Path):
    key = await put_batch(storage, a_record())
    listed = await storage.list("raw/")
    await storage.delete(key)
    with pytest.raises(FilesGoneError, match="removed after it was listed"):
        await Files(storage, one_by_one, tmp_path, None).of(listed)


async def test_a_store_that_is_away_says_so(
    storage: MemoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await put_batch(storage, a_record())

    async def away(_key: str) -> bytes:
        raise StoreUnavailableError("it is away")

    monkeypatch.setattr(storage, "get", away)
    with pytest.raises(StoreUnavailableError, match="it is away"):
        await Files(storage, one_by_one, tmp_path, None).of(await storage.list("raw/"))


async def test_no_more_is_copied_than_a_disk_may_have(
    storage: MemoryStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await put_batch(storage, a_record())
    monkeypatch.setattr(files, "MOST", 10)
    with pytest.raises(UsageError, match="narrow it by --from and --to"):
        await Files(storage, one_by_one, tmp_path, None).of(await storage.list("raw/"))
