"""What is wrong with a queue on SQS or with the SDK is said at start, by the name of a setting."""

import pytest

from harness.stub import RESET, Answer, Stub, sqs_error
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.queue.sqs_stub import TERMS


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (sqs_error("AccessDenied", 403), "SQS_QUEUE_URL: these credentials may not use it"),
        (sqs_error("QueueDoesNotExist"), r"SQS_QUEUE_URL: there is no such queue in region eu-central-1"),
        (sqs_error("ExpiredTokenException", 403), "AWS_SESSION_TOKEN: the credentials have expired"),
        (sqs_error("InvalidClientTokenId", 403), "AWS_ACCESS_KEY_ID: it is not known"),
        (sqs_error("SignatureDoesNotMatch", 403), "AWS_SECRET_ACCESS_KEY: "),
        (sqs_error("SomethingNew"), "SQS_QUEUE_URL: "),
        (RESET, "AWS_ENDPOINT_URL, AWS_REGION: it cannot be reached"),
    ],
)
def test_a_queue_that_cannot_be_used_is_said_at_start_by_the_name_of_a_setting(
    stub: Stub, answer: Answer, complaint: str
):
    stub.script = lambda _: answer
    with pytest.raises(QueueUnavailableError, match=f"^{complaint}") as caught:
        SqsQueue(f"{stub.url}/1/q", TERMS)
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.usefixtures("stub")
def test_a_queue_in_another_region_is_said_at_start():
    with pytest.raises(QueueUnavailableError, match="^AWS_REGION: it is eu-central-1, .* in us-west-2"):
        SqsQueue("https://sqs.us-west-2.amazonaws.com/123456789012/q", TERMS)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("AWS_REGION", "", "AWS_REGION: "),
        ("AWS_PROFILE", "nobody", "AWS_PROFILE: "),
        ("AWS_ACCESS_KEY_ID", "", "AWS_ACCESS_KEY_ID, AWS_PROFILE: "),
        ("AWS_ENDPOINT_URL", "nowhere", "AWS_ENDPOINT_URL: "),
    ],
)
@pytest.mark.usefixtures("stub")
def test_an_sdk_that_is_not_set_up_is_said_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)  # which would do in place of AWS_REGION
    if name == "AWS_ACCESS_KEY_ID":
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    if value:
        monkeypatch.setenv(name, value)
    else:
        monkeypatch.delenv(name)
    with pytest.raises(QueueUnavailableError, match=f"^{complaint}"):
        SqsQueue("http://127.0.0.1:1/1/q", TERMS)
