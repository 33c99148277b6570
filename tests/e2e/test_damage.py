"""Garbage in the file of a queue under load costs the messages that it hits, and is said."""

import json
import random
import subprocess
from pathlib import Path

import httpx

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.adapters.queue.sqlite.watch import mark

POSTS = 400


def post(pipeline: Pipeline, number: int) -> int:
    """Post a record of a vehicle of its own, which is a message of its own."""
    record = {
        "timestamp": "2025-10-19T12:00:00Z",
        "vehicle_id": f"veh-{number}",
        "can_id": "0x1F0",
        "payload": {f"noise_{n}": random.Random(number * 99 + n).random() for n in range(30)},
    }
    answer = httpx.post(
        f"{pipeline.url}/ingest", json=record, headers={"X-API-Key": "test-key"}, trust_env=False
    )
    return answer.status_code


def stored(data: Path) -> set[str]:
    files = [*data.glob("raw/**/*.jsonl"), *data.glob("skewed/**/*.jsonl")]
    return {json.loads(line)["vehicle_id"] for file in files for line in file.read_text().splitlines()}


def is_drained(pipeline: Pipeline) -> bool:
    found = httpx.get(f"{pipeline.url}/health/ready", trust_env=False).json()
    return bool(found["waiting"] + found["leased"] == 0)


def run(pipeline: Pipeline, *command: str) -> "subprocess.CompletedProcess[str]":
    process = pipeline.begin(*command)
    output, complaints = process.communicate(timeout=120)
    return subprocess.CompletedProcess(command, process.returncode, output, complaints)


def test_garbage_in_a_queue_costs_the_messages_that_it_hits_and_nothing_is_taken_after_it_is_met(
    pipeline: Pipeline,
):
    pipeline.start("receiver")
    accepted = {f"veh-{number}" for number in range(POSTS) if post(pipeline, number) == 202}
    assert pipeline.stop("receiver") == 0  # which writes the log back
    file = pipeline.data / "queue.db"
    size = file.stat().st_size
    with file.open("r+b") as damaged:
        for place in (size // 3, 2 * size // 3):
            damaged.seek(place)
            damaged.write(random.Random(place).randbytes(16_384))
    pipeline.start("receiver")
    pipeline.start("consumer")
    wait_until(mark(file).exists, "the damage to be met")
    assert post(pipeline, POSTS) == 503
    assert not pipeline.is_ready()
    wait_until(lambda: len(stored(pipeline.data)) > POSTS / 2, "what lies around the damage to be stored")
    assert run(pipeline, "queue", "recover").returncode == 1  # since roles use it
    assert [pipeline.stop(role) for role in ("receiver", "consumer")] == [0, 0]
    recovered = run(pipeline, "queue", "recover")
    assert recovered.returncode == 0, recovered.stderr
    pipeline.start("receiver")
    pipeline.start("consumer")
    wait_until(lambda: is_drained(pipeline), "the rest to be stored")
    quarantined = sum(each.read_text().count("\n") for each in pipeline.data.glob("quarantine/**/*.jsonl"))
    assert 0 < quarantined < POSTS / 4
    assert len(accepted - stored(pipeline.data)) == quarantined
    assert post(pipeline, POSTS + 1) == 202
    assert pipeline.log("consumer").count("is damaged and takes nothing more") <= 4
