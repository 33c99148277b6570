"""A client that a generator makes from the committed document posts a record."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.pipeline import Pipeline
from telemetry.domain.contract.record import EXAMPLE

DOCUMENT = Path(__file__).parents[3] / "docs" / "api-spec.yaml"
NAME = "generated_telemetry_client"

pytestmark = pytest.mark.skipif(
    find_spec("openapi_python_client") is None, reason="openapi-python-client is not installed"
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path, QUEUE_BACKEND="memory")
    yield pipeline
    pipeline.stop_all()


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Generate a client, and return what imports a module of it."""
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")
    command = [
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
        *("--path", str(DOCUMENT), "--output-path", str(tmp_path / NAME), "--config", str(config)),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda module: importlib.import_module(f"{NAME}.{module}")
    for module in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[module]


def test_a_generated_client_posts_one_record_and_reads_the_answer(pipeline: Pipeline, generated: Any):
    pipeline.start("receiver")
    record = generated("models").Record.from_dict({**EXAMPLE, "timestamp": datetime.now(UTC).isoformat()})
    client = generated("client").AuthenticatedClient(
        base_url=pipeline.url, token=pipeline.environment["API_KEY"], prefix="", auth_header_name="X-API-Key"
    )
    with client as opened:
        answer = generated("api.records.ingest").sync(client=opened, body=record)
        several = generated("api.records.ingest").sync(client=opened, body=[record, record])
        live = generated("api.operations.live").sync(client=opened)
    assert (answer.accepted, answer.rejected) == (1, [])
    assert (several.accepted, several.rejected) == (2, [])
    assert live.status == "ok"


def test_a_generated_client_reads_why_a_record_was_rejected(pipeline: Pipeline, generated: Any):
    pipeline.start("receiver")
    record = generated("models").Record.from_dict({**EXAMPLE, "payload": {"battery_soc": 101}})
    client = generated("client").AuthenticatedClient(
        base_url=pipeline.url, token=pipeline.environment["API_KEY"], prefix="", auth_header_name="X-API-Key"
    )
    with client as opened:
        answer = generated("api.records.ingest").sync(client=opened, body=record)
    assert answer.accepted == 0
    assert answer.rejected[0].index == 0
    assert answer.rejected[0].error.startswith("payload.battery_soc: ")
