"""A role whose credentials have expired ends, so that a supervisor starts it again with others."""

from pathlib import Path

import httpx
import pytest

from harness.emulator import ENVIRONMENT
from harness.pipeline import Pipeline
from harness.roles import wait_until
from harness.stub import Answer, Call, Stub, ok, s3_error, serve, sqs_error
from tests.builders import a_body

LISTING = Answer(200, b"<ListBucketResult></ListBucketResult>", {"Content-Type": "application/xml"})


def healthy(call: Call) -> Answer:
    return LISTING if " " in call.verb else ok()


def expired(call: Call) -> Answer:
    return s3_error("ExpiredToken", 400) if " " in call.verb else sqs_error("ExpiredToken", 403)


@pytest.mark.parametrize(
    ("role", "started", "options"),
    [
        ("receiver", "startup complete", []),
        ("receiver", "startup complete", ["--workers", "2"]),
        ("consumer", "Started", []),
        ("aggregator", "Started", []),
    ],
)
def test_a_role_whose_credentials_have_expired_ends_with_one_line_and_a_status(
    tmp_path: Path, role: str, started: str, options: list[str]
):
    stub = Stub(healthy)
    with serve(stub):
        pipeline = Pipeline(
            tmp_path,
            QUEUE_BACKEND="sqs",
            SQS_QUEUE_URL=f"{stub.url}/123456789012/q",
            STORAGE_BACKEND="s3",
            S3_BUCKET="bucket",
            AWS_ENDPOINT_URL=stub.url,
            **ENVIRONMENT,
        )
        try:
            process = pipeline.start(role, *options)
            wait_until(lambda: started in pipeline.log(role), f"the {role} to start")
            stub.script = expired
            if role == "receiver":
                answer = httpx.post(
                    f"{pipeline.url}/ingest",
                    content=a_body(),
                    headers={"X-API-Key": "test-key", "Content-Type": "application/json"},
                    trust_env=False,
                )
                assert answer.status_code == 503
            wait_until(lambda: process.poll() is not None, f"the {role} to end")
            assert process.returncode == 1
            said = pipeline.log(role)
            assert said.count("ending for another one to be started") == 1
            assert "AWS_SESSION_TOKEN: the credentials have expired" in said
            assert "Traceback" not in said
        finally:
            pipeline.stop_all()
