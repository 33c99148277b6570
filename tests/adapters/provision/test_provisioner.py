"""A queue that was made is used only once SQS knows it."""

from collections.abc import Callable, Iterator

import pytest

from harness.stub import Answer, Call, Stub, ok, sqs_error
from telemetry.adapters.aws import AwsError
from telemetry.adapters.provision import Plan, Provisioner

MISSING = sqs_error("QueueDoesNotExist")
KNOWN = {"QueueArn": "arn:aws:sqs:eu-central-1:123456789012:q-dlq"}


@pytest.fixture
def provisioner(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provisioner]:
    monkeypatch.setattr("telemetry.adapters.provision.provisioner._BETWEEN_LOOKS_S", 0.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
    made = Provisioner(Plan("q", "b"))
    yield made
    made.close()


def known_at(look: int) -> Callable[[Call], Answer]:
    """Answer that there is no queue until it was asked for so many times."""
    asked = iter(range(1, 1000))

    def answer(call: Call) -> Answer:
        if call.verb == "GetQueueUrl":
            return ok(QueueUrl="http://q") if next(asked) >= look else MISSING
        return ok(Attributes=KNOWN) if call.verb == "GetQueueAttributes" else ok(QueueUrl="http://q")

    return answer


def test_a_new_queue_is_waited_for(stub: Stub, provisioner: Provisioner):
    stub.script = known_at(look=4)
    create = next(provisioner.changes())
    assert create.what == "create queue q-dlq"
    create.apply()
    verbs = stub.verbs()
    assert verbs[0] == "GetQueueUrl"
    assert verbs[1:] == ["CreateQueue", *["GetQueueUrl"] * 3, "GetQueueAttributes"]


def test_a_new_queue_that_stays_unknown_is_said(stub: Stub, provisioner: Provisioner):
    stub.script = known_at(look=1000)
    create = next(provisioner.changes())
    with pytest.raises(
        AwsError, match="^SQS_QUEUE_URL: queue q-dlq was made and is not known yet; run this again"
    ):
        create.apply()
