"""The cache in a folder: nothing that happens to its files is an error."""

import stat
from pathlib import Path

import pytest

from telemetry.adapters.cache.local import LocalCache


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


async def test_a_cache_that_cannot_be_written_loses_what_is_put(tmp_path):
    root = tmp_path / "cache"
    root.write_bytes(b"no folder")
    cache = LocalCache(root, 1000)
    await cache.put("a/b", b"1")
    assert await cache.get("a/b") is None


async def test_a_name_that_is_a_folder_loses_what_is_put_and_leaves_nothing_behind(root):
    cache = LocalCache(root, 1000)
    await cache.put("a/b", b"1")
    await cache.put("a", b"1")
    assert await cache.get("a") is None
    assert [path.name for path in root.rglob("*")] == ["a", "b"]


async def test_an_empty_file_is_nothing(root):
    cache = LocalCache(root, 1000)
    await cache.put("a", b"")
    assert await cache.get("a") is None


async def test_what_an_earlier_process_left_is_counted_too(root):
    for number in range(10):
        await LocalCache(root, 10_000).put(f"{number}", bytes(1000))
    await LocalCache(root, 3_000).put("new", bytes(1000))
    assert len(list(root.iterdir())) == 3
    assert await LocalCache(root, 3_000).get("new")


async def test_an_hour_that_is_gone_leaves_no_folder(root):
    cache = LocalCache(root, 1000)
    await cache.put("old/a", bytes(900))
    await cache.put("new/a", bytes(900))
    assert [path.name for path in root.iterdir()] == ["new"]


@pytest.mark.parametrize(("file", "folder"), [(0o600, 0o700), (0o660, 0o770)])
async def test_files_and_folders_are_as_private_as_asked(root, file, folder):
    await LocalCache(root, 1000, file, folder).put("a/b", b"1")
    assert stat.S_IMODE((root / "a/b").stat().st_mode) & ~0o020 == file & ~0o020
    assert stat.S_IMODE((root / "a").stat().st_mode) & 0o007 == 0


async def test_modes_may_be_left_to_the_umask(root):
    await LocalCache(root, 1000, None, None).put("a/b", b"1")
    assert stat.S_IMODE((root / "a/b").stat().st_mode) & 0o600 == 0o600
