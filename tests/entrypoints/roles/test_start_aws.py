"""A role that cannot reach its queue or its store does not start; one line says which setting to change."""

from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.entrypoints.process import cli


@pytest.fixture(autouse=True)
def _settings(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "API_KEY": "hush-hush",
        "QUEUE_BACKEND": "sqs",
        "SQS_QUEUE_URL": cloud.queue(),
        "STORAGE_BACKEND": "s3",
        "S3_BUCKET": cloud.bucket(),
        "LOG_LEVEL": "DEBUG",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (["receiver"], "SQS_QUEUE_URL"),
        (["receiver", "--workers", "2"], "SQS_QUEUE_URL"),
        (["consumer"], "SQS_QUEUE_URL"),
        (["consumer"], "S3_BUCKET"),
        (["aggregator"], "S3_BUCKET"),
        (["aggregator", "--hour", "2025-10-19T14"], "S3_BUCKET"),
        (["dead-letters", "list"], "SQS_QUEUE_URL"),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str],
    setting: str,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("SQS_QUEUE_URL" if setting.startswith("SQS") else "S3_BUCKET", missing(setting, cloud))
    assert cli.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"telemetry {arguments[0]}: {setting}: there is no such ")
    assert "hush" not in said
    assert "Traceback" not in said


def missing(setting: str, cloud: Cloud) -> str:
    name = f"{cloud.name}-none"
    return name if setting == "S3_BUCKET" else cloud.queue().rpartition("/")[0] + f"/{name}"
