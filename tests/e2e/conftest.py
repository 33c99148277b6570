"""A pipeline for each test, which is ended with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path)
    yield pipeline
    pipeline.stop_all()
