"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import cloud as aws
from tests.cloud import Cloud

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


@pytest.fixture(scope="session")
def aws_environment() -> Iterator[dict[str, str]]:
    """The variables by which AWS is found, which is started first if none is given."""
    with aws.environment() as variables:
        yield variables


@pytest.fixture
def cloud(aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in aws_environment.items():
        monkeypatch.setenv(name, value)
    made = Cloud()
    yield made
    made.close()
