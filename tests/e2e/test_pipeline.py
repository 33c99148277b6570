"""Records through real processes over HTTP: what is accepted is stored, whatever dies on the way."""

import json
import subprocess
from collections import Counter

import httpx
import pytest

from harness.pipeline import Pipeline, proof
from harness.roles import wait_until


def finish(process: subprocess.Popen[str]) -> dict[str, float]:
    output, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints + output
    return proof(output)


def test_a_load_arrives_whole_and_in_time(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.start("consumer")
    proved = finish(pipeline.begin("load-test", "--messages", "1500", "--rate", "500", "--url", pipeline.url))
    assert proved["sent"] == proved["accepted"] == proved["stored"] == proved["unique"] == 1500
    assert proved["duplicates"] == proved["lost"] == 0
    assert proved["p95"] < 5
    assert "INFO [Consumer] Batch processed: size=" in pipeline.log("consumer")


def test_several_workers_and_consumers_share_the_work(pipeline: Pipeline):
    pipeline.environment |= {"PARTITION_BUCKETS": "4", "RAW_FORMAT": "jsonl.zst"}
    pipeline.start("receiver", "--workers", "2")
    first = pipeline.start("consumer")
    second = pipeline.start("consumer")
    pipeline.running["first consumer"] = first
    proved = finish(
        pipeline.begin("load-test", "--messages", "20000", "--rate", "max", "--url", pipeline.url)
    )
    assert proved["unique"] == 20_000
    assert proved["lost"] == proved["duplicates"] == 0
    assert {path.name for path in pipeline.data.glob("raw/*/*/*/*/*")} <= {
        f"bucket={n:02d}" for n in range(4)
    }
    assert first.poll() is second.poll() is None


def test_killing_the_consumer_in_the_middle_loses_nothing(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.start("consumer")
    load = pipeline.begin("load-test", "--messages", "6000", "--rate", "2000", "--url", pipeline.url)
    for _ in range(2):
        before = pipeline.stored()
        wait_until(lambda: pipeline.stored() > before, "records to be stored")  # noqa: B023  # called at once
        pipeline.kill("consumer")
        pipeline.start("consumer")
    proved = finish(load)
    assert proved["accepted"] == proved["unique"] == 6000
    assert proved["lost"] == 0


def test_killing_the_receiver_in_the_middle_loses_nothing(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.start("consumer")
    load = pipeline.begin("load-test", "--messages", "6000", "--rate", "2000", "--url", pipeline.url)
    wait_until(lambda: pipeline.stored() > 0, "records to be stored")
    pipeline.kill("receiver")
    pipeline.start("receiver")
    proved = finish(load)
    assert proved["accepted"] == proved["unique"] == 6000
    assert proved["lost"] == 0


def test_a_consumer_told_to_stop_stores_what_it_holds(pipeline: Pipeline):
    pipeline.environment |= {
        "BATCH_TIMEOUT": "3600",
        "BATCH_SIZE": "1000000",
        "QUEUE_VISIBILITY_TIMEOUT": "3600",
    }
    pipeline.start("receiver")
    load = pipeline.begin("load-test", "--messages", "700", "--rate", "max", "--url", pipeline.url)
    pipeline.start("consumer")
    queue = f"{pipeline.url}/health/ready"
    wait_until(
        lambda: httpx.get(queue, trust_env=False).json()["leased"] > 0, "the consumer to hold something"
    )
    assert pipeline.stop("consumer") == 0
    proved = finish(load)
    assert proved["stored"] == proved["unique"] == 700


def test_figures_of_an_hour_count_each_record_once(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.start("consumer")
    pipeline.start("aggregator")
    finish(pipeline.begin("load-test", "--messages", "3000", "--rate", "max", "--url", pipeline.url))
    lines = [line for file in pipeline.data.glob("raw/**/*.jsonl") for line in file.read_text().splitlines()]
    counts = Counter(json.loads(line)["vehicle_id"] for line in lines)

    def aggregated() -> Counter[str]:
        total: Counter[str] = Counter()
        for file in pipeline.data.glob("aggregated/**/*.json"):
            vehicles = json.loads(file.read_text())["vehicles"]
            total.update({vehicle: figures["count"] for vehicle, figures in vehicles.items()})
        return total

    wait_until(lambda: aggregated() == counts, "the figures of all records")
    assert pipeline.stop("aggregator") == 0


@pytest.mark.parametrize("role", ["receiver", "consumer", "aggregator"])
def test_a_role_stops_in_order_when_it_is_told_to(pipeline: Pipeline, role: str):
    pipeline.start(role)
    started = {"receiver": "startup complete", "consumer": "Started", "aggregator": "Started"}[role]
    wait_until(lambda: started in pipeline.log(role), f"the {role} to start")
    assert pipeline.stop(role) == 0
    assert "Traceback" not in pipeline.log(role)
