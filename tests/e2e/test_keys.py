"""Keys of receivers that run: they change without a restart, and workers share what they allow."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import httpx
import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.adapters.http.auth import HEADER
from telemetry.adapters.keys.entry import Entry
from telemetry.adapters.keys.file import KeysFile
from tests.builders import a_message

RECORD = json.dumps(a_message(payload={"battery_soc": 85.5}))


def post(pipeline: Pipeline, key: str) -> int:
    """Post over a connection of its own, or over another if its worker stops; return the status."""
    statuses: list[int] = []

    def is_answered() -> bool:
        connection = HTTPConnection("127.0.0.1", pipeline.port, timeout=30)
        try:
            connection.request("POST", "/ingest", RECORD, {HEADER: key, "Content-Type": "application/json"})
            statuses.append(connection.getresponse().status)
        except (ConnectionError, HTTPException):
            return False
        finally:
            connection.close()
        return True

    wait_until(is_answered, "an answer")
    return statuses[0]


@pytest.fixture
def keys(pipeline: Pipeline, tmp_path: Path) -> KeysFile:
    pipeline.environment["API_KEYS_FILE"] = str(tmp_path / "keys.json")
    file = KeysFile(tmp_path / "keys.json")
    file.write([Entry(name="old", key="old-key")])
    return file


def workers_of(pipeline: Pipeline) -> Iterator[int]:
    """Yield the processes that the receiver has started and that answer."""
    receiver = pipeline.running["receiver"].pid
    for number in Path(f"/proc/{receiver}/task/{receiver}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes():
            yield int(number)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_key_is_added_and_revoked_while_the_receiver_runs(pipeline: Pipeline, keys: KeysFile, workers: str):
    pipeline.start("receiver", "--workers", workers)
    assert post(pipeline, "old-key") == 202
    new = keys.add(Entry(name="new"))
    wait_until(lambda: post(pipeline, new) == 202, "the new key to count")
    keys.revoke("old")
    wait_until(lambda: {post(pipeline, "old-key") for _ in range(8)} == {401}, "the old key to count no more")
    assert {post(pipeline, new) for _ in range(8)} == {202}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_makes_it_read_the_keys_and_it_goes_on_whatever_they_are(
    pipeline: Pipeline, keys: KeysFile, workers: str
):
    process = pipeline.start("receiver", "--workers", workers)
    path = Path(pipeline.environment["API_KEYS_FILE"])
    path.write_text("[")
    process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: "those that counted before still do" in pipeline.log("receiver"), "the fault to be logged"
    )
    assert {post(pipeline, "old-key") for _ in range(8)} == {202}
    keys.write([Entry(name="new", key="new-key")])
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: post(pipeline, "new-key") == 202, "the new key to count")
    assert process.poll() is None


@pytest.mark.usefixtures("keys")
def test_a_worker_that_dies_while_the_file_has_a_fault_is_replaced(pipeline: Pipeline):
    process = pipeline.start("receiver", "--workers", "2")
    Path(pipeline.environment["API_KEYS_FILE"]).write_text("[")
    first = set(workers_of(pipeline))
    os.kill(min(first), signal.SIGKILL)
    wait_until(lambda: len(set(workers_of(pipeline)) - first) == 1, "another worker to start")
    assert {post(pipeline, "old-key") for _ in range(8)} == {202}
    assert process.poll() is None


def test_the_rate_of_a_key_holds_for_all_workers_together(pipeline: Pipeline):
    rate, wanted = 20, 100
    pipeline.environment["INGEST_RATE"] = str(rate)
    pipeline.start("receiver", "--workers", "4")
    accepted: list[float] = []
    refused: list[float] = []

    def keep_posting() -> None:
        while len(accepted) < wanted:
            taken = accepted if post(pipeline, "test-key") == 202 else refused
            taken.append(time.monotonic())

    started_s = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(keep_posting) for _ in range(4)]:
            each.result()
    # What is saved up in a second is there at the start.
    right = rate * (accepted[wanted - 1] - started_s + 1)
    assert refused  # more was offered than the rate allows
    assert 0.75 * right < wanted < 1.25 * right


def test_what_is_left_of_a_rate_stays_when_keys_change(pipeline: Pipeline, keys: KeysFile):
    keys.write([Entry(name="slow", key="slow-key", rate=0.001)])
    pipeline.start("receiver", "--workers", "2")
    assert post(pipeline, "slow-key") == 202
    new = keys.add(Entry(name="new"))
    wait_until(lambda: {post(pipeline, new) for _ in range(8)} == {202}, "the new key to count everywhere")
    assert {post(pipeline, "slow-key") for _ in range(8)} == {429}


def test_the_answer_of_readiness_says_whether_a_consumer_is_seen(pipeline: Pipeline):
    def readiness() -> dict[str, object]:
        found: dict[str, object] = json.loads(
            httpx.get(f"{pipeline.url}/health/ready", trust_env=False).content
        )
        return found

    pipeline.start("receiver")
    assert readiness() == {"waiting": 0, "leased": 0, "dead": 0, "consumer": "not seen"}
    pipeline.start("consumer")
    wait_until(lambda: readiness()["consumer"] == "seen", "the consumer to be seen")
    pipeline.kill("consumer")
    assert readiness()["consumer"] == "not seen"
    assert {each.name: each.stat().st_mode & 0o777 for each in pipeline.data.iterdir()} == {
        "queue.db": 0o600,
        "queue.db-wal": 0o600,
        "queue.db-shm": 0o600,
        "health": 0o700,
        "run": 0o700,
    }
