"""What an AWS that fails on demand answers to the queue on SQS."""

from collections.abc import Sequence
from typing import Any

from harness.stub import Answer, Call, Script, Stub, ok
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.domain.transport.lease import LeaseTerms
from tests.builders import a_body

TERMS = LeaseTerms()
RECORD = a_body(vehicle_id="v", payload={"x": 1})
LIMITS = {"MaximumMessageSize": "262144"}


def attributes(call: Call) -> Answer:
    """Answer with the attributes of a queue."""
    assert call.verb == "GetQueueAttributes"
    return ok(Attributes=LIMITS)


def entries(call: Call) -> list[dict[str, Any]]:
    """Return the entries of a batch that was asked for."""
    found: list[dict[str, Any]] = call.asked["Entries"]
    return found


def done(call: Call) -> Answer:
    """Answer that all entries of a batch are done."""
    return ok(Successful=[{"Id": entry["Id"]} for entry in entries(call)], Failed=[])


def failing(times: int, answer: Answer, then: Script) -> Script:
    """Give `answer` so many times, and then what `then` gives."""
    left = iter(range(times))
    return lambda call: answer if next(left, None) is not None else then(call)


def full(count: int = 10, handles: Sequence[str] | None = None) -> Answer:
    """Answer a poll with so many messages, or with those of these handles."""
    received = {"SentTimestamp": "1", "ApproximateReceiveCount": "1"}
    return ok(
        Messages=[
            {"MessageId": each, "ReceiptHandle": each, "Body": "bQ==", "Attributes": received}
            for each in ([f"r{n}" for n in range(count)] if handles is None else handles)
        ]
    )


def queue_at(stub: Stub, name: str = "q", pause_s: float = 0) -> SqsQueue:
    """Open a queue at the stub, which then waits for its script."""
    stub.script = attributes
    queue = SqsQueue(f"{stub.url}/123456789012/{name}", TERMS, pause_s=pause_s)
    stub.calls.clear()
    return queue
