"""What the tests of the package and of its model share."""

from pathlib import Path

import pytest

_DATA = Path(__file__).parents[1] / "shared" / "data"


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
