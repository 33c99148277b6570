"""The queue on SQS: what the port does not ask for, and what happens when a call fails."""

import asyncio
import json
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from harness.cloud import Cloud
from harness.stub import RESET, Answer, Call, Script, Stub, ok, sqs_error
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.domain.contract import parse
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.lease import Depth, LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import QueueUnavailableError

TERMS = LeaseTerms()
RECORD = (
    b'{"timestamp": "2025-10-19T12:34:56.123Z", "vehicle_id": "v", "can_id": "0x1F0", "payload": {"x": 1}}'
)
LIMITS = {"MaximumMessageSize": "262144"}


def attributes(call: Call) -> Answer:
    assert call.verb == "GetQueueAttributes"
    return ok(Attributes=LIMITS)


def entries(call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.asked["Entries"]
    return found


def done(call: Call) -> Answer:
    return ok(Successful=[{"Id": entry["Id"]} for entry in entries(call)], Failed=[])


def failing(times: int, answer: Answer, then: Script) -> Script:
    """Fail so many times, and then do as told."""
    left = iter(range(times))
    return lambda call: answer if next(left, None) is not None else then(call)


def queue(stub: Stub, name: str = "q") -> SqsQueue:
    stub.script = attributes
    made = SqsQueue(f"{stub.url}/123456789012/{name}", TERMS, pause_s=0)
    stub.calls.clear()
    return made


@pytest.fixture
async def stubbed(stub: Stub) -> AsyncIterator[SqsQueue]:
    made = queue(stub)
    yield made
    stub.script = lambda _: ok()
    await made.close()


@pytest.fixture
async def real(cloud: Cloud) -> AsyncIterator[tuple[SqsQueue, str]]:
    url = cloud.queue()
    made = SqsQueue(url, TERMS, poll_s=1)
    yield made, url
    await made.close()


async def test_the_largest_body_fits_the_queues_own_limit_as_text(stub: Stub):
    made = queue(stub)
    assert len(b64encode(bytes(made.max_body))) <= 262_144 - 64
    assert made.max_body > 190_000
    await made.close()


async def test_a_bare_message_of_a_foreign_producer_is_received_as_it_is(real, cloud: Cloud):
    made, url = real
    for text in (RECORD.decode(), "neither ü", "bm8gZW52ZWxvcGU="):
        cloud.sqs.send_message(QueueUrl=url, MessageBody=text)
    bodies: set[bytes] = set()
    while len(bodies) < 3:
        bodies |= {each.body for each in await made.receive(10, 5)}
    assert bodies == {RECORD, "neither ü".encode(), b"no envelope"}


async def test_many_bodies_are_sent_in_calls_of_ten_and_below_the_limit_of_a_call(stub: Stub, stubbed):
    stub.script = done
    assert await stubbed.send([b"x"] * 25) == []
    assert sorted(len(entries(call)) for call in stub.calls) == [5, 10, 10]
    stub.calls.clear()
    assert await stubbed.send([bytes(90_000)] * 5) == []
    for call in stub.calls:
        assert sum(len(entry["MessageBody"]) for entry in entries(call)) <= 262_144
    assert sum(len(entries(call)) for call in stub.calls) == 5


async def test_an_entry_that_failed_by_the_servers_fault_is_sent_again_and_no_other(stub: Stub, stubbed):
    def half(call: Call) -> Answer:
        if len(stub.calls) > 1:
            return done(call)
        fault = {"Id": "1", "Code": "InternalError", "SenderFault": False}
        return ok(Successful=[{"Id": "0"}], Failed=[fault])

    stub.script = half
    assert await stubbed.send([b"0", b"1"]) == []
    assert [[entry["Id"] for entry in entries(call)] for call in stub.calls] == [["0", "1"], ["1"]]


async def test_an_entry_of_which_the_answer_says_nothing_is_sent_again(stub: Stub, stubbed):
    stub.script = failing(1, ok(Successful=[], Failed=[]), done)
    assert await stubbed.send([b"0"]) == []
    assert len(stub.calls) == 2


async def test_an_entry_that_fails_every_time_is_a_value(stub: Stub, stubbed):
    fault = {"Id": "0", "Code": "InternalError", "SenderFault": False}
    stub.script = lambda _: ok(Successful=[{"Id": "1"}], Failed=[fault])
    assert await stubbed.send([b"0", b"1"]) == [0]


async def test_an_entry_that_failed_by_our_fault_is_named_and_not_sent_again(
    stub: Stub, stubbed, caplog: pytest.LogCaptureFixture
):
    fault = {"Id": "0", "Code": "InvalidMessageContents", "Message": "not this", "SenderFault": True}
    stub.script = lambda _: ok(Successful=[{"Id": "1"}], Failed=[fault])
    assert await stubbed.send([b"0", b"1"]) == [0]
    assert len(stub.calls) == 1
    assert "InvalidMessageContents not this" in caplog.text


@pytest.mark.parametrize(
    "fault", [sqs_error("RequestThrottled"), sqs_error("ServiceUnavailable", 503), Answer(500), RESET]
)
async def test_what_passes_is_tried_again(stub: Stub, stubbed, fault: Answer):
    stub.script = failing(2, fault, done)
    assert await stubbed.send([b"m"]) == []
    assert len(stub.calls) == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda queue: queue.send([b"m"]),
        lambda queue: queue.delete(["r"]),
        lambda queue: queue.extend(["r"], 30),
        lambda queue: queue.receive(1, 30),
        lambda queue: queue.depth(),
    ],
    ids=["send", "delete", "extend", "receive", "depth"],
)
async def test_what_does_not_pass_is_said_by_the_name_of_its_setting(
    stub: Stub, stubbed, ask: Callable[..., Any]
):
    stub.script = lambda _: sqs_error("ExpiredToken")
    with pytest.raises(QueueUnavailableError, match="^AWS_SESSION_TOKEN: .*expired") as caught:
        await ask(stubbed)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_receipts_that_are_refused_are_values(stub: Stub, stubbed):
    fault = {"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}
    stub.script = lambda _: ok(Successful=[{"Id": "0"}], Failed=[fault])
    assert await stubbed.delete(["a", "b"]) == ["b"]
    assert await stubbed.extend(["a", "b"], 1) == ["b"]


async def test_leases_are_extended_by_whole_seconds_and_at_most_half_a_day(stub: Stub, stubbed):
    stub.script = done
    for seconds in (0, 0.2, 30, 10**9):
        await stubbed.extend(["r"], seconds)
    assert [entries(call)[0]["VisibilityTimeout"] for call in stub.calls] == [0, 1, 30, 43_200]


def full(count: int = 10) -> Answer:
    told = {"SentTimestamp": "1", "ApproximateReceiveCount": "1"}
    return ok(
        Messages=[
            {"MessageId": str(n), "ReceiptHandle": f"r{n}", "Body": "bQ==", "Attributes": told}
            for n in range(count)
        ]
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_while_polls_come_back_full_there_are_more_of_them(stub: Stub, stubbed):
    stub.script = lambda _: full()
    seen = 0
    async with asyncio.timeout(30):
        while len(stubbed._polls._under_way) < 4:
            seen += len(await stubbed.receive(10, 5))
    assert seen
    stub.script = lambda _: ok()
    await until(lambda: not stubbed._polls._under_way)
    assert stubbed._polls._wanted == 1


async def test_a_poll_asks_for_ten_and_waits_long_however_short_the_callers_patience_is(stub: Stub, stubbed):
    stub.script = lambda _: ok()
    assert await stubbed.receive(1, 0.01) == []
    asked = stub.calls[0].asked
    assert (asked["MaxNumberOfMessages"], asked["WaitTimeSeconds"], asked["VisibilityTimeout"]) == (
        10,
        20,
        30,
    )


async def test_a_waiting_receiver_wakes_when_there_is_a_message_and_not_when_its_wait_is_over(real):
    made, _ = real
    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(made.receive(1, 60))
    await asyncio.sleep(0)
    started = loop.time()
    await made.send([b"m"])
    assert [each.body for each in await waiting] == [b"m"]
    assert loop.time() - started < 30


async def test_what_a_poll_brought_is_there_for_the_next_caller(stub: Stub, stubbed):
    stub.script = failing(1, full(), lambda _: ok())
    assert len(await stubbed.receive(4, 30)) == 4
    assert len(await stubbed.receive(4, 0)) == 4
    assert len(await stubbed.receive(4, 0)) == 2


async def test_what_was_received_and_not_taken_is_handed_back_at_the_end(stub: Stub):
    made = queue(stub)
    stub.script = failing(1, full(), lambda call: done(call) if "Batch" in call.verb else ok())
    taken = await made.receive(4, 30)
    await made.close()
    (back,) = [call for call in stub.calls if call.verb == "ChangeMessageVisibilityBatch"]
    assert {entry["VisibilityTimeout"] for entry in entries(back)} == {0}
    left = {f"r{n}" for n in range(10)} - {each.handle for each in taken}
    assert {entry["ReceiptHandle"] for entry in entries(back)} == left
    await made.close()


async def test_one_that_cannot_hand_back_ends_all_the_same(stub: Stub):
    made = queue(stub)
    stub.script = failing(1, full(), lambda _: sqs_error("AccessDenied", 403))
    await made.receive(4, 30)
    await made.close()


async def test_what_nobody_took_for_half_of_its_lease_is_left_to_come_again(stub: Stub):
    made = queue(stub)
    made._polls._visibility_s = 0
    stub.script = failing(1, full(), lambda _: ok())
    assert await made.receive(4, 0.5) == []
    await made.close()


async def test_a_queue_without_dead_letters_has_none(cloud: Cloud):
    plain = cloud.sqs.create_queue(QueueName=f"{cloud.name}-plain")["QueueUrl"]
    cloud.adopt(queues=(plain,))
    made = SqsQueue(plain, TERMS)
    assert await made.depth() == Depth(0, 0, 0)
    assert await made.dead(10) == []
    assert await made.redrive(["x"]) == ["x"]
    await made.close()


async def test_a_letter_is_named_the_same_by_the_next_process(cloud: Cloud):
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


async def test_a_letter_that_cannot_be_sent_stays_one(stub: Stub):
    stub.script = lambda _: ok(
        Attributes=LIMITS
        | {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:x:1:d", "maxReceiveCount": "5"})}
    )
    made = SqsQueue(f"{stub.url}/1/q", TERMS)
    polls = iter([full(1), ok()])

    def script(call: Call) -> Answer:
        if call.verb == "ReceiveMessage":
            assert call.asked["QueueUrl"] == f"{stub.url}/1/d"
            return next(polls)
        if call.verb == "SendMessageBatch":
            return ok(Failed=[{"Id": "0", "Code": "InvalidMessageContents", "SenderFault": True}])
        return done(call)

    stub.script = script
    assert await made.redrive(["0"]) == ["0"]
    assert "DeleteMessageBatch" not in stub.verbs()
    await made.close()
    assert stub.verbs()[-1] == "ChangeMessageVisibilityBatch"


def sealed(vehicle: str, buckets: int) -> bytes:
    (record,) = parse.parse_json(RECORD.replace(b'"v"', f'"{vehicle}"'.encode()), 1_760_877_296_000).records
    return envelope.encode([Parcel.of(PartitionPolicy(buckets=buckets).place(record), [record])])


async def test_a_fifo_queue_groups_by_bucket_and_knows_a_body_that_is_sent_again(cloud: Cloud):
    url = cloud.queue(suffix=".fifo")
    made = SqsQueue(url, TERMS, poll_s=1)
    bodies = [sealed(f"v{n}", 8) for n in range(6)]
    assert list(await made.send(bodies)) == []
    assert list(await made.send(bodies)) == []  # as after an answer that was lost
    received: Counter[bytes] = Counter()
    while sum(received.values()) < len(bodies):
        deliveries = await made.receive(10, 5)
        received.update(each.body for each in deliveries)
        assert await made.delete([each.handle for each in deliveries]) == []
    assert received == Counter(bodies)
    assert await made.receive(10, 1.5) == []
    await made.close()


async def test_a_letter_of_a_fifo_queue_is_another_message_when_it_is_replayed(cloud: Cloud):
    url = cloud.queue(max_receives=1, suffix=".fifo")
    made = SqsQueue(url, LeaseTerms(1000, 1), poll_s=1)
    await made.send([b"poison"])
    assert len(await made.receive(1, 10)) == 1
    letters = await made.dead(10)
    async with asyncio.timeout(30):
        while not letters:
            assert await made.receive(1, 0.5) == []
            letters = await made.dead(10)
    assert await made.redrive([letters[0].handle]) == []
    assert [each.body for each in await made.receive(1, 10)] == [b"poison"]
    await made.close()


async def test_groups_are_told_by_the_head_of_an_envelope(stub: Stub):
    made = queue(stub, "q.fifo")
    stub.script = done
    await made.send([sealed("v", 8), sealed("v", 1), b"{}"])
    first, second, third = entries(stub.calls[0])
    assert first["MessageGroupId"].startswith("bucket-0")
    assert second["MessageGroupId"] == third["MessageGroupId"] == "all"
    assert len({each["MessageDeduplicationId"] for each in (first, second, third)}) == 3
    await made.close()


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
