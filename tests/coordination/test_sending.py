"""Many bodies under way at once: a key that is refused ends it, and nothing else does."""

from collections.abc import Sequence

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.coordination.sending import MAX_RECORDS, ConcurrentSender
from telemetry.domain.contract.record import Answer
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.proof.send import Sender
from tests.builders import NOW, some_records
from tests.fakes import FakeGateway

BODIES = 20


class Refusing(FakeGateway):
    """A receiver that answers each body with the same error."""

    def __init__(self, error: str) -> None:
        super().__init__()
        self.error = error
        self.posts = 0

    async def post(self, lines: bytes) -> Answer:
        self.posts += 1
        raise GatewayError(self.error)


async def send(gateway: Refusing, bodies: Sequence[int] = range(BODIES)) -> ConcurrentSender:
    async with ConcurrentSender(Sender(gateway), ManualClock(NOW), connections=1) as sender:
        for body in bodies:
            await sender.send(some_records(2, start=NOW + body * 1000))
    return sender


@pytest.mark.parametrize(
    "why", ["401 The key is missing or unknown.", "403 This key may not send for vehicle v."]
)
async def test_nothing_more_is_sent_once_the_key_is_refused(why):
    gateway = Refusing(f"http://127.0.0.1:8000: {why}")
    sender = await send(gateway)
    assert gateway.posts == 1
    assert (sender.is_refused, sender.posted, sender.accepted, len(sender.failures)) == (True, 2, 0, 1)
    assert sender.manifest.count() == (2, 0)  # what was not sent is in no list


@pytest.mark.parametrize(
    "why", ["413 The body is too large.", "no answer in 5 s, the last was: 503 Full: 401 of 400 waiting"]
)
async def test_one_body_that_is_not_taken_does_not_keep_the_others(why):
    gateway = Refusing(f"http://127.0.0.1:8000: {why}")
    sender = await send(gateway)
    assert (gateway.posts, sender.is_refused, sender.posted) == (BODIES, False, 2 * BODIES)


async def test_of_one_large_send_no_more_than_a_body_goes_with_a_refused_key():
    gateway = Refusing("http://127.0.0.1:8000: 401 The key is unknown.")
    async with ConcurrentSender(Sender(gateway), ManualClock(NOW), connections=1) as sender:
        await sender.send(some_records(3 * MAX_RECORDS))
    assert (gateway.posts, sender.posted) == (1, MAX_RECORDS)
