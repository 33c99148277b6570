"""An AWS that fails on demand."""

from collections.abc import Iterator

import pytest

from harness.stub import Stub, ok, serve


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """An AWS that says yes to everything until it is given another script; no retry waits for long."""
    made = Stub(lambda _: ok())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with serve(made):
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made
