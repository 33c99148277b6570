"""What the tests of the package and of its model share."""

import os
from pathlib import Path

import pytest

_DATA = Path(__file__).parents[1] / "shared" / "data"


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores, since tests wait a third of their time for programs."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def anyio_backend() -> str:
    """One event loop is enough: the one that the roles run on."""
    return "asyncio"


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real data, which is beside the repository and no part of it."""
    if not _DATA.is_dir():
        pytest.skip(f"there is no {_DATA}")
    return _DATA
