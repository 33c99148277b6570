"""Bodies that arrive count from their first byte, together with what waits for the queue."""

from collections.abc import AsyncIterator

import httpx
import pytest

from telemetry.adapters.http.intake import Buffer
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.http.receiver import LIMIT


def test_bodies_of_all_senders_share_one_bound():
    buffer = Buffer(100, lambda: 0)
    buffer.take(60)
    with pytest.raises(QueueUnavailableError, match="INGEST_MAX_WAITING"):
        buffer.take(41)
    buffer.give_back(41)
    buffer.take(40)


def test_what_waits_for_the_queue_counts_with_them():
    waiting = 70
    buffer = Buffer(100, lambda: waiting)
    with pytest.raises(QueueUnavailableError):
        buffer.take(31)
    buffer.give_back(31)
    waiting = 0
    buffer.take(100)


@pytest.mark.parametrize(
    "content", ["[]", "[" + " " * (LIMIT + 1), "["], ids=["taken", "too large", "no JSON"]
)
async def test_the_bytes_of_a_body_are_given_back_whatever_became_of_it(receiver, content):
    for _ in range(30):  # together more than may be held
        answer = await receiver.post(content)
        assert answer.status_code != httpx.codes.SERVICE_UNAVAILABLE


async def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_asked_for(receiver):
    asked = []

    async def body() -> AsyncIterator[bytes]:
        asked.append(True)
        yield b""

    answer = await receiver.client.post(
        "/ingest",
        content=body(),
        headers={"Content-Type": "application/json", "Content-Length": str(LIMIT + 1)},
    )
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert not asked
