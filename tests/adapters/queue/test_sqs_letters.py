"""The dead letters of a queue on SQS."""

import json

import pytest

from harness.cloud import Cloud
from harness.stub import Answer, Call, Stub, ok, sqs_error
from telemetry.adapters.queue.sqs import SqsQueue, letters
from telemetry.adapters.queue.sqs.letters import Letters
from telemetry.domain.transport.lease import BURIED, Depth
from tests.adapters.queue.sqs_stub import LIMITS, RECORD, TERMS, done, full
from tests.waiting import until


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


def letters_of(queue: SqsQueue) -> Letters:
    assert queue._letters
    return queue._letters


def is_done(queue: SqsQueue) -> bool:
    """Return whether the last look at the letters is over."""
    looking = letters_of(queue)._looking
    return looking is not None and looking.done()


async def test_new_dead_letters_are_said_with_their_count_to_who_receives(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(letters, "_LOOK_S", 0.0)
    url = cloud.queue()
    dead = cloud.dead_queue(url)
    cloud.sqs.send_message(QueueUrl=dead, MessageBody=RECORD.decode())
    queue = SqsQueue(url, TERMS, poll_s=1)
    await queue.receive(1, 0)
    await until(lambda: letters_of(queue)._seen == 1)
    assert not caplog.records  # it was there before
    for _ in range(2):
        cloud.sqs.send_message(QueueUrl=dead, MessageBody=RECORD.decode())
    await until(lambda: is_done(queue))
    await queue.receive(1, 0)
    await until(lambda: letters_of(queue)._seen == 3)
    assert [each.getMessage() for each in caplog.records] == [BURIED % (2, 5)]
    await queue.close()


async def test_what_cannot_be_counted_is_asked_for_again_later(stub: Stub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(letters, "_LOOK_S", 0.0)
    policy = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:x:1:d", "maxReceiveCount": "5"})
    stub.script = lambda _: ok(Attributes=LIMITS | {"RedrivePolicy": policy})
    queue = SqsQueue(f"{stub.url}/1/q", TERMS, pause_s=0)

    def script(call: Call) -> Answer:
        return sqs_error("AccessDenied", 403) if call.verb == "GetQueueAttributes" else full(1)

    stub.script = script
    assert await queue.receive(1, 30)
    await until(lambda: is_done(queue))
    assert letters_of(queue)._seen is None
    stub.script = lambda _: ok()
    await queue.close()


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
