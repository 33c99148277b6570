"""Who may read what a local store makes does not depend on the umask, unless it is to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.adapters.storage.local import LocalStorage

MODES = [(0o600, 0o700, 0o600, 0o700), (0o660, 0o770, 0o660, 0o770), (None, None, 0o644, 0o755)]


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def bits(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_what_is_made_is_private(tmp_path: Path):
    await LocalStorage(tmp_path / "data").put("raw/hour=1/a", b"a")
    made = [tmp_path / "data" / name for name in ("", "raw", "raw/hour=1", "raw/hour=1/a")]
    assert [bits(each) for each in made] == [0o700, 0o700, 0o700, 0o600]


@pytest.mark.parametrize(("file", "folder", "file_bits", "folder_bits"), MODES)
async def test_what_is_made_has_the_modes_that_it_is_given(
    tmp_path: Path, file, folder, file_bits, folder_bits
):
    storage = LocalStorage(tmp_path / "data", file_mode=file, folder_mode=folder)
    for content in (b"a", b"b"):
        await storage.put("raw/a", content, overwrite=True)
        assert bits(tmp_path / "data" / "raw" / "a") == file_bits
    assert bits(tmp_path / "data" / "raw") == folder_bits


async def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path):
    (tmp_path / "raw").mkdir(mode=0o755)
    await LocalStorage(tmp_path).put("raw/a", b"a")
    assert bits(tmp_path / "raw") == 0o755


async def test_a_folder_keeps_the_group_of_the_one_above_it(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o2770)
    await LocalStorage(tmp_path / "data", 0o660, 0o770).put("raw/a", b"a")
    assert (tmp_path / "data" / "raw").stat().st_mode & 0o7777 == 0o2770
