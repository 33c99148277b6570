"""Where states of a disk are laid out: in memory where that is a folder, since nothing has to be durable."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_MEMORY: Final = Path("/dev/shm")


@pytest.fixture
def states() -> Iterator[Path]:
    """Make a folder for states."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        yield Path(name)
