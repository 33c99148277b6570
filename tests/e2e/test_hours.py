"""A job waits for an hour over real processes: it starts when nothing more can come, and not before."""

import subprocess
import time

import httpx

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.domain.contract.moment import HOUR_MS, format_hour, format_timestamp, hour_of
from telemetry.domain.transport.lease import Depth, LeaseTerms
from tests.builders import a_message
from tests.e2e import embedded

AT_MS = time.time_ns() // 1_000_000 - HOUR_MS
H = format_hour(hour_of(AT_MS))
TERMS = LeaseTerms(visibility_ms=2000)


def post(pipeline: Pipeline, *offsets_ms: int) -> None:
    """Send records of the hour before this one, which is over."""
    first_ms = hour_of(AT_MS) * HOUR_MS
    body = [a_message(timestamp=format_timestamp(first_ms + each)) for each in offsets_ms]
    headers = {"X-API-Key": pipeline.environment["API_KEY"]}
    answer = httpx.post(f"{pipeline.url}/ingest", json=body, headers=headers, trust_env=False)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == len(body)


def wait_for_hour(pipeline: Pipeline, timeout_s: float) -> subprocess.Popen[str]:
    return pipeline.begin("hours", "--wait", H, "--require", "complete", "--timeout", str(timeout_s))


def test_waiting_for_an_hour_blocks_while_the_queue_holds_records_of_it_and_then_ends_with_0(
    pipeline: Pipeline,
):
    pipeline.environment |= {"AGGREGATE_LATENESS": "0"}
    pipeline.start("receiver")
    pipeline.start("aggregator")
    post(pipeline, 0, 1000)
    job = wait_for_hour(pipeline, 60)
    wait_until(lambda: bool(list(pipeline.data.glob("health/aggregator@*"))), "the aggregator to look")
    assert job.poll() is None
    pipeline.start("consumer")
    output, complaints = job.communicate(timeout=90)
    assert job.returncode == 0, complaints + pipeline.log("aggregator")
    assert f"{H}: it is complete since" in output
    assert list(pipeline.data.glob("aggregated/**/_COMPLETE"))
    assert "Hour" in pipeline.log("aggregator")


def test_with_the_receiver_killed_and_records_left_in_the_queue_it_ends_with_1_and_the_reason(
    pipeline: Pipeline,
):
    pipeline.environment |= {"AGGREGATE_LATENESS": "0"}
    pipeline.start("receiver")
    pipeline.start("consumer")
    post(pipeline, 0)
    wait_until(lambda: pipeline.stored() == 1, "a first record of the hour")
    wait_until(lambda: embedded.depth(pipeline.data, TERMS) == Depth(0, 0, 0), "its message to be deleted")
    pipeline.kill("consumer")
    post(pipeline, 1000)
    pipeline.kill("receiver")
    pipeline.start("aggregator")
    wait_until(lambda: bool(list(pipeline.data.glob("aggregated/**/*.json"))), "the figures of the hour")
    job = wait_for_hour(pipeline, 1)
    _, complaints = job.communicate(timeout=90)
    assert job.returncode == 1
    assert f"{H}: it is waiting: it may not be whole: 1 message in the queue" in complaints
    pipeline.start("consumer")
    job = wait_for_hour(pipeline, 60)
    output, complaints = job.communicate(timeout=90)
    assert job.returncode == 0, complaints
    assert f"{H}: it is complete since" in output
