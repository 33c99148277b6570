"""The receiver does what its OpenAPI document says, for whatever schemathesis makes of the document."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.pipeline import Pipeline

FEWEST_CASES = 500
SEED = "1"  # the same cases each time, so that a change that fails is to blame itself
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path, QUEUE_BACKEND="memory")
    yield pipeline
    pipeline.stop_all()


def test_every_check_holds_for_at_least_500_cases(pipeline: Pipeline):
    pipeline.start("receiver")
    hooks = {"SCHEMATHESIS_HOOKS": "tests.adapters.http.schema_hooks", "PYTHONPATH": str(ROOT)}
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{pipeline.url}/docs/openapi.json"),
        *("--header", f"X-API-Key: {pipeline.environment['API_KEY']}"),
        *("--checks", "all", "--max-examples", "200", "--continue-on-failure", "--no-color"),
        *("--seed", SEED, "--generation-database", "none"),
    ]
    run = subprocess.run(
        command, env=os.environ | hooks, cwd=pipeline.logs, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counted = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    assert counted, run.stdout
    assert int(counted[1]) == int(counted[2]) >= FEWEST_CASES
