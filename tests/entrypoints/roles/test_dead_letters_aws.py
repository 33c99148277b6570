"""`telemetry dead-letters` over SQS's dead-letter queue and a quarantine on S3."""

import asyncio
from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.entrypoints.process import cli
from tests.entrypoints.roles.dead_letters import listed_names, put_bad_body


@pytest.fixture
def queue(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue with a dead letter, beside a bucket with a body in quarantine."""
    url, bucket = cloud.queue(), cloud.bucket()
    cloud.sqs.send_message(QueueUrl=cloud.dead_queue(url), MessageBody='{"dead": "ly"}')
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "QUEUE_BACKEND": "sqs",
        "SQS_QUEUE_URL": url,
        "STORAGE_BACKEND": "s3",
        "S3_BUCKET": bucket,
    }.items():
        monkeypatch.setenv(name, value)
    asyncio.run(_fill(bucket))
    return url


async def _fill(bucket: str) -> None:
    storage = S3Storage(bucket)
    await put_bad_body(storage, b"nonsense")
    await storage.close()


def test_names_stay_the_same_from_one_command_to_the_next(
    queue: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]
):
    quarantined, dead = listed_names(capsys)
    assert listed_names(capsys) == [quarantined, dead]
    assert dead.startswith("queue/")
    assert cli.main(["dead-letters", "show", dead]) == 0
    assert capsys.readouterr().out == '{"dead": "ly"}\n'
    assert cli.main(["dead-letters", "replay", dead]) == 0
    assert capsys.readouterr().out == "replayed 1 letter\n"
    assert listed_names(capsys) == [quarantined]
    (message,) = cloud.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == '{"dead": "ly"}'


@pytest.mark.usefixtures("queue")
def test_all_that_is_set_aside_is_replayed_and_gone(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["dead-letters", "replay"]) == 0
    assert capsys.readouterr().out == "replayed 2 letters\n"
    assert listed_names(capsys) == []
