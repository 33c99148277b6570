"""What all tests share."""

import pytest


@pytest.fixture
def anyio_backend():
    """One event loop is enough: the one that the roles run on."""
    return "asyncio"
