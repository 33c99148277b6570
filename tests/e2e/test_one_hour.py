"""An hour that cannot be written stops no other: shown with the processes of a consumer and an aggregator."""

import time
from collections.abc import Sequence
from pathlib import Path

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.domain.contract.moment import HOUR_MS, hour_of, hour_path
from telemetry.domain.contract.record import Record
from telemetry.domain.transport.lease import Depth, LeaseTerms
from tests.builders import a_record, an_envelope
from tests.e2e import embedded

TERMS = LeaseTerms(visibility_ms=2000)
NOW = time.time_ns() // 1_000_000
BAD, OTHERS = 2, (1, 3)
"""How many hours ago the hour began that cannot be written, and those that can be."""


def of_hour(hours_ago: int, number: int) -> Record:
    moment = NOW - hours_ago * HOUR_MS
    return a_record(timestamp_ms=moment + number, received_ms=NOW, vehicle_id=f"veh-{number:05d}")


def send(data: Path, records: Sequence[Record]) -> None:
    embedded.send(data, TERMS, [an_envelope(record) for record in records])


def folder(data: Path, hours_ago: int) -> Path:
    return data / "raw" / hour_path(hour_of(NOW - hours_ago * HOUR_MS))


def stored(data: Path, hours_ago: int) -> int:
    files = folder(data, hours_ago).glob("*.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


def has_figures(data: Path, hours_ago: int) -> bool:
    hour = data / "aggregated" / hour_path(hour_of(NOW - hours_ago * HOUR_MS))
    return any(hour.glob("aggregated-*.json"))


def test_an_hour_that_cannot_be_written_is_held_back_and_stored_when_it_can_be(pipeline: Pipeline):
    bad = folder(pipeline.data, BAD)
    bad.parent.mkdir(parents=True)
    bad.touch()  # a file in the place of the folder, which stops root too
    pipeline.start("consumer")
    pipeline.start("aggregator")
    for end in (10, 20, 30):
        places = [(ago, number) for ago in (BAD, *OTHERS) for number in range(end - 10, end)]
        send(pipeline.data, [of_hour(*place) for place in places])
        wait_until(
            lambda: all(stored(pipeline.data, ago) == end for ago in OTHERS),  # noqa: B023  # called at once
            "the other hours to be stored",
        )
    wait_until(lambda: all(has_figures(pipeline.data, ago) for ago in OTHERS), "their figures")
    wait_until(
        lambda: embedded.depth(pipeline.data, TERMS) == Depth(0, leased=30, dead=0),
        "one hour alone to be held back",
    )
    bad.unlink()
    wait_until(lambda: stored(pipeline.data, BAD) == 30, "the hour to be stored")
    wait_until(lambda: embedded.depth(pipeline.data, TERMS) == Depth(0, 0, 0), "the queue to be empty")
    wait_until(lambda: has_figures(pipeline.data, BAD), "its figures")
    assert pipeline.stop("consumer") == 0
    log = pipeline.log("consumer")
    assert log.count("Cannot be written") == 1
    assert "All that was held back is stored" in log
    assert "Traceback" not in log
