"""A folder that nobody may list or write stops its hour, and no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.adapters.clock import SystemClock
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_hour, hour_of, hour_path
from telemetry.domain.store import objects
from tests.builders import a_record

ROOT: Final = Path(__file__).parents[2]
NOW: Final = SystemClock().wall_ms()
BAD: Final = hour_of(NOW - 5 * HOUR_MS)
HOURS: Final = [BAD, Hour(BAD + 1), hour_of(NOW)]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Roles to which modes apply."""
    made = Pipeline(tmp_path, PYTHONPATH=str(ROOT))
    made._commands = {role: ("harness.unprivileged", role) for role in ("consumer", "aggregator")}
    try:
        for role in ("receiver", "consumer", "aggregator"):
            made.start(role)
        yield made
    finally:
        made.stop_all()


def post(pipeline: Pipeline, number: int) -> None:
    """Send a record of each hour."""
    records = [a_record(timestamp_ms=hour * HOUR_MS + number) for hour in HOURS]
    answer = httpx.post(
        f"{pipeline.url}/ingest",
        content=codec.encode_request(records),
        headers={"X-API-Key": "test-key", "Content-Type": "application/x-ndjson"},
        trust_env=False,
    )
    assert answer.json()["accepted"] == len(HOURS)


def unique(pipeline: Pipeline, hour: Hour) -> int:
    file = pipeline.data / objects.aggregated_key(hour)
    return int(json.loads(file.read_text())["unique"]) if file.exists() else 0


def test_an_hour_whose_folder_cannot_be_used_catches_up_once_it_can_and_all_others_go_on(pipeline: Pipeline):
    post(pipeline, 0)
    wait_until(lambda: all(unique(pipeline, hour) == 1 for hour in HOURS), "the first figures")
    folder = pipeline.data / "raw" / hour_path(BAD)
    folder.chmod(0)
    for number in (1, 2, 3):
        post(pipeline, number)
    wait_until(
        lambda: all(unique(pipeline, hour) == 4 for hour in HOURS[1:]), "the figures of all other hours"
    )
    assert unique(pipeline, BAD) == 1
    folder.chmod(0o700)
    wait_until(lambda: unique(pipeline, BAD) == 4, "the hour to catch up")
    assert pipeline.log("aggregator").count(f"name={format_hour(BAD)}, error=") <= 1
