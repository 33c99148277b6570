"""`telemetry provision` says what it would do, does it, and says what to set."""

from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process import cli, settings
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import provision
from telemetry.entrypoints.roles.provision import ProvisionOptions


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Cloud:
    request.getfixturevalue("emulator")
    return Cloud()


def test_what_is_printed_is_what_the_roles_need(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S3_PREFIX", "fleet")
    arguments = ["provision", "--queue", "t", "--bucket", cloud.name]
    assert cli.main([*arguments, "--dry-run"]) == 0
    said = capsys.readouterr()
    assert "would create queue t-dlq\n" in said.out
    assert "would create queue t\n" in said.out
    assert "changes to make" in said.err
    assert cli.main([*arguments, "--apply"]) == 0
    said = capsys.readouterr()
    assert "did create queue t\n" in said.err
    (tmp_path / ".env").write_text(said.out)
    configured = settings.load()
    assert (configured.queue_backend, configured.storage_backend) == ("sqs", "s3")
    assert configured.sqs_queue_url == cloud.sqs.get_queue_url(QueueName="t")["QueueUrl"]
    assert (configured.s3_bucket, configured.s3_prefix) == (cloud.name, "fleet")
    assert cli.main(["provision", "--dry-run"]) == 0  # by the settings that it printed
    assert capsys.readouterr() == ("", "0 changes to make\n")
    rule = {"ID": "theirs", "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": {"Days": 9}}
    cloud.s3.put_bucket_lifecycle_configuration(Bucket=cloud.name, LifecycleConfiguration={"Rules": [rule]})
    assert cli.main(["provision", "--dry-run"]) == 0
    assert "warning: the bucket has the rule theirs, which removes" in capsys.readouterr().err


def test_names_and_terms_come_from_the_settings_unless_given():
    configured = Settings(
        sqs_queue_url="https://sqs/1/q.fifo", s3_bucket="b", queue_visibility_timeout=45, queue_max_receives=3
    )
    found = provision.plan(configured, ProvisionOptions())
    assert (found.queue, found.bucket) == ("q.fifo", "b")
    assert configured.lease_terms == LeaseTerms(found.visibility * 1000, found.max_receives)
    chosen = provision.plan(configured, ProvisionOptions(queue="other", bucket="c", kms_key="k", retention=4))
    assert (chosen.queue, chosen.bucket, chosen.kms_key) == ("other", "c", "k")
    assert chosen.retention == 4 * 24 * 3600
    assert provision.plan(Settings(), ProvisionOptions(bucket="b")).queue == "telemetry"


def test_without_a_name_for_the_bucket_there_is_no_plan():
    with pytest.raises(SettingsError, match="^S3_BUCKET: not set"):
        provision.plan(Settings(), ProvisionOptions())


def test_what_others_set_is_lost_only_if_that_is_asked_for(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    url = cloud.sqs.create_queue(QueueName="t", Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    arguments = ["provision", "--queue", "t", "--bucket", cloud.name]

    def visibility() -> str:
        asked = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        return str(asked["Attributes"]["VisibilityTimeout"])

    assert cli.main([*arguments, "--dry-run"]) == 0
    assert "of queue t, which replaces MessageRetentionPeriod 345600, VisibilityTimeout 5, " in (
        capsys.readouterr().out
    )
    assert cli.main([*arguments, "--apply"]) == 1
    refused = capsys.readouterr()
    assert refused.out == ""
    assert refused.err.startswith("telemetry provision: --force: not given, and this would set ")
    assert refused.err.count("\n") == 1
    assert visibility() == "5"
    assert cloud.s3.list_buckets().get("Buckets", []) == []  # nothing else was done before it
    assert cli.main([*arguments, "--apply", "--force"]) == 0
    assert visibility() == "30"
    assert cli.main([*arguments, "--apply"]) == 0


@pytest.mark.usefixtures("emulator")
def test_an_aws_that_cannot_be_reached_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    assert cli.main(["provision", "--dry-run", "--bucket", "b"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("telemetry provision: AWS_ENDPOINT_URL, AWS_REGION: it cannot be reached")
    assert said.count("\n") == 1
