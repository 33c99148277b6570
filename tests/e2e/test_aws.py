"""The same pipeline over SQS and S3: real roles, a real load, and an AWS that fails in every way it knows."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cloud import Cloud
from harness.emulator import FAULTS, Emulator, FaultyRoad
from harness.pipeline import Pipeline, proof
from harness.roles import wait_until
from harness.stub import Stub, serve

ROLES = ("receiver", "consumer", "aggregator")


def on_aws(folder: Path, cloud: Cloud) -> Pipeline:
    return Pipeline(
        folder,
        QUEUE_BACKEND="sqs",
        SQS_QUEUE_URL=cloud.queue(),
        STORAGE_BACKEND="s3",
        S3_BUCKET=cloud.bucket(),
        SQS_POLL_WAIT="2",
        AGGREGATE_INTERVAL="1",
        QUEUE_VISIBILITY_TIMEOUT="5",
    )


def begin_load(pipeline: Pipeline, messages: int = 1500) -> "subprocess.Popen[str]":
    load = ("load-test", "--messages", str(messages), "--rate", "300", "--url", pipeline.url)
    return pipeline.begin(*load, "--settle", "60")


def lines(pipeline: Pipeline, cloud: Cloud) -> Iterator[str]:
    bucket = pipeline.environment["S3_BUCKET"]
    for key in cloud.keys(bucket):
        if key.startswith("raw/"):
            yield from cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()


def expected(pipeline: Pipeline, cloud: Cloud) -> Counter[str]:
    """Count the records of each vehicle, each once, from what is stored."""
    records = [json.loads(line) for line in lines(pipeline, cloud)]
    identities = {(each["vehicle_id"], each["can_id"], each["timestamp"]) for each in records}
    return Counter(vehicle for vehicle, _, _ in identities)


def aggregated(pipeline: Pipeline, cloud: Cloud) -> Counter[str]:
    bucket = pipeline.environment["S3_BUCKET"]
    total: Counter[str] = Counter()
    for key in cloud.keys(bucket):
        if key.startswith("aggregated/") and "/aggregated-" in key:
            figures = json.loads(cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            total.update({vehicle: each["count"] for vehicle, each in figures["vehicles"].items()})
    return total


def finish(pipeline: Pipeline, cloud: Cloud, load: "subprocess.Popen[str]") -> dict[str, float]:
    """Wait for a load to be stored, and for its figures to be exact; return its proof."""
    output, complaints = load.communicate(timeout=180)
    assert load.returncode == 0, complaints + output + pipeline.log("consumer") + pipeline.log("receiver")
    counts = expected(pipeline, cloud)
    wait_until(lambda: aggregated(pipeline, cloud) == counts, "the figures to be exact")
    proved = proof(output)
    assert proved["accepted"] == proved["unique"] == sum(counts.values())
    assert proved["lost"] == 0
    return proved


@pytest.mark.long  # as the same over the embedded queue is not, and kills over AWS are not
def test_a_load_arrives_whole_and_in_time(tmp_path: Path, cloud: Cloud):
    pipeline = on_aws(tmp_path, cloud)
    try:
        for role in ROLES:
            pipeline.start(role)
        proved = finish(pipeline, cloud, begin_load(pipeline))
        assert proved["sent"] == 1500
        assert proved["p95"] < 5
        for role in ROLES:
            assert pipeline.stop(role) == 0
            assert "Traceback" not in pipeline.log(role)
    finally:
        pipeline.stop_all()


@pytest.mark.usefixtures("emulator")
def test_a_consumer_killed_in_the_middle_loses_nothing(tmp_path: Path):
    cloud = Cloud()
    pipeline = on_aws(tmp_path, cloud)
    try:
        for role in ROLES:
            pipeline.start(role)
        load = begin_load(pipeline)
        wait_until(lambda: bool(list(lines(pipeline, cloud))), "records to be stored")
        pipeline.kill("consumer")
        pipeline.start("consumer")
        finish(pipeline, cloud, load)
    finally:
        pipeline.stop_all()
        cloud.close()


@pytest.mark.long
def test_an_aws_killed_in_the_middle_loses_nothing(tmp_path: Path, emulator: Emulator):
    cloud = Cloud()
    pipeline = on_aws(tmp_path, cloud)
    try:
        for role in ROLES:
            pipeline.start(role)
        load = begin_load(pipeline)
        wait_until(lambda: bool(list(lines(pipeline, cloud))), "records to be stored")
        emulator.kill()
        wait_until(lambda: "answered 503" in pipeline.log("receiver"), "the receiver to notice")
        emulator.start()
        finish(pipeline, cloud, load)
    finally:
        pipeline.stop_all()
        cloud.close()


@pytest.mark.long
def test_an_aws_that_fails_in_every_way_loses_nothing(tmp_path: Path, emulator: Emulator):
    cloud = Cloud()
    road = FaultyRoad(emulator, every=3)
    stub = Stub(road)
    pipeline = on_aws(tmp_path, cloud)
    with serve(stub):
        pipeline.environment["AWS_ENDPOINT_URL"] = stub.url
        # What starts may fail by what every third call fails by; a supervisor would start it again.
        road.is_failing = lambda verb: verb not in {"GetQueueAttributes", "HEAD"}
        try:
            for role in ROLES:
                pipeline.start(role)
            finish(pipeline, cloud, begin_load(pipeline, messages=3000))
        finally:
            pipeline.stop_all()
            cloud.close()
    for verb in ("SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "PUT"):
        assert {fault for failed, fault in road.failed if failed == verb} == {each.name for each in FAULTS}
