"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import cloud as aws
from harness.cloud import Cloud
from harness.emulator import ENVIRONMENT, Emulator


@pytest.fixture(scope="session")
def aws_environment() -> Iterator[dict[str, str]]:
    """The variables by which AWS is found, which is started first if none is given."""
    with aws.environment() as variables:
        yield variables


@pytest.fixture
def aws_given(aws_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK find it."""
    for name, value in aws_environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    request.getfixturevalue("aws_given")
    made = Cloud()
    yield made
    made.close()


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An AWS of the test's own, which can be killed."""
    if aws.IS_GIVEN:
        pytest.skip("it needs an AWS of its own, and one is given")
    made = Emulator(tmp_path)
    made.start()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.kill()
