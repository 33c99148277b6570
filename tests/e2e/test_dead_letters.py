"""A message is a dead letter only if it is what kills the process: shown with processes that are killed."""

from pathlib import Path

import msgspec

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.domain.contract import codec
from telemetry.domain.transport.lease import Depth, LeaseTerms
from telemetry.entrypoints.process import children
from tests.builders import a_record
from tests.e2e import embedded

TERMS = LeaseTerms(visibility_ms=500, max_receives=4)
SETTINGS = {"QUEUE_VISIBILITY_TIMEOUT": "0.5", "QUEUE_MAX_RECEIVES": "4", "BATCH_TIMEOUT": "0.05"}
GOOD = [codec.encode_lines([a_record(vehicle_id=f"veh-{n:05d}")]).strip() for n in range(40)]


def stored(data: Path) -> set[str]:
    files = [*data.glob("raw/**/*.jsonl"), *data.glob("skewed/**/*.jsonl")]
    return {
        msgspec.json.decode(line)["vehicle_id"] for file in files for line in file.read_text().splitlines()
    }


def test_seven_kills_during_a_fault_of_the_store_make_no_dead_letter(pipeline: Pipeline):
    pipeline.environment |= SETTINGS
    embedded.send(pipeline.data, TERMS, GOOD)
    for tree in ("raw", "skewed"):
        (pipeline.data / tree).touch()  # a file where the store needs a folder
    for kill in range(7):
        pipeline.start("consumer")
        wait_until(lambda: pipeline.log("consumer").count("Cannot be written") > kill, "the store to fail")  # noqa: B023
        pipeline.kill("consumer")
    for tree in ("raw", "skewed"):
        (pipeline.data / tree).unlink()
    pipeline.start("consumer")
    wait_until(lambda: len(stored(pipeline.data)) == len(GOOD), "everything to be stored")
    wait_until(lambda: embedded.depth(pipeline.data, TERMS) == Depth(0, 0, 0), "the queue to be empty")
    assert "dead letters" not in pipeline.log("consumer")


def test_a_body_that_kills_each_process_becomes_a_dead_letter_and_takes_no_other_with_it(pipeline: Pipeline):
    pipeline.environment |= SETTINGS
    embedded.send(pipeline.data, TERMS, [*GOOD[:20], b"killer", *GOOD[20:]])
    log = pipeline.logs / "fragile.log"
    deaths = 0
    while "New dead letters" not in (log.read_text() if log.exists() else ""):
        process = children.start([], pipeline.environment, log, "tests.e2e.fragile")
        pipeline.running["fragile"] = process
        wait_until(
            lambda: process.poll() is not None or "New dead letters" in log.read_text(),  # noqa: B023
            "the process to be killed, or its killer to be found",
        )
        deaths += process.poll() is not None
    assert deaths == TERMS.max_receives
    wait_until(lambda: len(stored(pipeline.data)) == len(GOOD), "every good message to be stored")
    wait_until(
        lambda: embedded.depth(pipeline.data, TERMS) == Depth(0, 0, dead=1), "the others to leave the queue"
    )
    assert "WARNING [Consumer] New dead letters: 1" in log.read_text()
