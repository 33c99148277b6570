"""Workers of a receiver end with it, however it ends, and what a killed one left is removed."""

import socket
from pathlib import Path

import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until

SHARED = "telemetry-workers-*"


@pytest.fixture
def place(tmp_path: Path, pipeline: Pipeline) -> Path:
    """Where the receiver's temporary folders are."""
    place = tmp_path / "temporary"
    place.mkdir()
    pipeline.environment["TMPDIR"] = str(place)
    return place


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_workers_end_with_a_receiver_that_is_killed_and_its_folder_with_the_next(
    pipeline: Pipeline, place: Path
):
    pipeline.start("receiver", "--workers", "2")
    (left,) = place.glob(SHARED)
    pipeline.kill("receiver")
    wait_until(lambda: not is_open(pipeline.port), "nobody to hold the port")
    pipeline.start("receiver", "--workers", "2")
    (shared,) = place.glob(SHARED)
    assert shared != left
    assert pipeline.stop("receiver") == 0
    assert list(place.glob(SHARED)) == []


def test_a_receiver_without_workers_makes_no_folder_for_them(pipeline: Pipeline, place: Path):
    pipeline.start("receiver")
    assert list(place.glob(SHARED)) == []
    assert "Queue opened" in pipeline.log("receiver")


def test_the_state_of_the_queue_is_said_once_for_all_workers(pipeline: Pipeline, place: Path):
    pipeline.start("receiver", "--workers", "2")
    assert list(place.glob(SHARED))
    assert pipeline.log("receiver").count("Queue opened") == 1
    assert "file=new" in pipeline.log("receiver")
