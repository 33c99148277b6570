"""What all tests share."""

from pathlib import Path

import pytest

_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def anyio_backend():
    """One event loop is enough: the one that the roles run on."""
    return "asyncio"


@pytest.fixture
def real_data() -> Path:
    """The folder of real data, which is beside the repository and no part of it."""
    if not _DATA.is_dir():
        pytest.skip(f"there is no {_DATA}")
    return _DATA
