"""The dead letters of a queue on SQS."""

import json

from harness.cloud import Cloud
from harness.stub import Answer, Call, Stub, ok
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.domain.transport.lease import Depth
from tests.adapters.queue.sqs_stub import LIMITS, RECORD, TERMS, done, full


async def test_a_queue_without_dead_letters_has_none(cloud: Cloud):
    plain = cloud.sqs.create_queue(QueueName=f"{cloud.name}-plain")["QueueUrl"]
    cloud.adopt(queues=(plain,))
    queue = SqsQueue(plain, TERMS)
    assert await queue.depth() == Depth(0, 0, 0)
    assert await queue.dead(10) == []
    assert await queue.redrive(["x"]) == ["x"]
    await queue.close()


async def test_a_dead_letter_has_the_same_handle_in_the_next_process(cloud: Cloud):
    url = cloud.queue()
    dead = cloud.dead_queue(url)
    cloud.sqs.send_message(QueueUrl=dead, MessageBody=RECORD.decode())
    first, second = SqsQueue(url, TERMS, poll_s=1), SqsQueue(url, TERMS, poll_s=1)
    (seen,) = await first.dead(10)
    assert (seen.body, seen.receives) == (RECORD, 5)
    await first.close()
    assert await second.redrive([seen.handle, seen.handle, "none"]) == [seen.handle, "none"]
    (again,) = await second.receive(10, 10)
    assert (again.body, again.sent_ms) == (RECORD, seen.sent_ms)
    assert await second.dead(10) == []
    await second.close()


async def test_a_dead_letter_that_cannot_be_sent_stays_one(stub: Stub):
    stub.script = lambda _: ok(
        Attributes=LIMITS
        | {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:x:1:d", "maxReceiveCount": "5"})}
    )
    queue = SqsQueue(f"{stub.url}/1/q", TERMS)
    polls = iter([full(1), ok()])

    def script(call: Call) -> Answer:
        if call.verb == "ReceiveMessage":
            assert call.asked["QueueUrl"] == f"{stub.url}/1/d"
            return next(polls)
        if call.verb == "SendMessageBatch":
            return ok(Failed=[{"Id": "0", "Code": "InvalidMessageContents", "SenderFault": True}])
        return done(call)

    stub.script = script
    assert await queue.redrive(["0"]) == ["0"]
    assert "DeleteMessageBatch" not in stub.verbs()
    await queue.close()
    assert stub.verbs()[-1] == "ChangeMessageVisibilityBatch"
