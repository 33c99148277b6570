"""The queue on SQS: how many calls it makes, and what happens when a call fails."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from harness.cloud import Cloud
from harness.stub import RESET, Answer, Call, Stub, ok, sqs_error
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.queue.sqs_stub import RECORD, done, entries, failing, queue_at


async def test_the_largest_body_fits_the_queues_own_limit_as_text(stub: Stub):
    queue = queue_at(stub)
    assert len(b64encode(bytes(queue.max_body))) <= 262_144 - 64
    assert queue.max_body > 190_000
    await queue.close()


async def test_a_bare_message_of_a_foreign_producer_is_received_as_it_is(real, cloud: Cloud):
    queue, url = real
    for text in (RECORD.decode(), "neither ü", "bm8gZW52ZWxvcGU="):
        cloud.sqs.send_message(QueueUrl=url, MessageBody=text)
    bodies: set[bytes] = set()
    while len(bodies) < 3:
        bodies |= {each.body for each in await queue.receive(10, 5)}
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


async def test_handles_that_are_refused_are_values(stub: Stub, stubbed):
    fault = {"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}
    stub.script = lambda _: ok(Successful=[{"Id": "0"}], Failed=[fault])
    assert await stubbed.delete(["a", "b"]) == ["b"]
    assert await stubbed.extend(["a", "b"], 1) == ["b"]


async def test_leases_are_extended_by_whole_seconds_and_at_most_half_a_day(stub: Stub, stubbed):
    stub.script = done
    for seconds in (0, 0.2, 30, 10**9):
        await stubbed.extend(["r"], seconds)
    assert [entries(call)[0]["VisibilityTimeout"] for call in stub.calls] == [0, 1, 30, 43_200]
