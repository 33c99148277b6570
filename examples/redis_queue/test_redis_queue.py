"""The queue on Redis Streams keeps the laws of the queue, at a Redis of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from redis_queue import DURABLE, STREAM, RedisQueue
from redis_server import Server, running
from telemetry.adapters.clock import ManualClock
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.testing.queue import CountedClocks, Fenced, Ordered, Prompt, QueueContract, Trial, Warned

TERMS = LeaseTerms(visibility_ms=30_000, max_receives=3)
AGE = """ -- lets all leases have begun earlier
for _, each in ipairs(redis.call('XPENDING', KEYS[1], 'all', '-', '+', 1000)) do
  redis.call('XCLAIM', KEYS[1], 'all', each[2], 0, each[1], 'IDLE', each[3] + ARGV[1], 'JUSTID')
end
"""


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(redis: Server) -> Server:
    redis.client.flushall()
    return redis


class TestRedis(QueueContract, Ordered, Prompt, CountedClocks, Fenced, Warned):
    @pytest.fixture
    async def trial(self, server: Server) -> AsyncIterator[Trial]:
        clock = ManualClock()
        queue = RedisQueue(server.url, clock, TERMS)

        async def let_pass(share: float) -> None:
            clock.advance(share * TERMS.visibility_ms / 1000)
            server.client.eval(AGE, 1, STREAM, str(round(share * TERMS.visibility_ms)))

        yield Trial(queue, clock, TERMS, let_pass, clock.jump)
        await queue.close()


@pytest.mark.anyio
async def test_what_was_sent_is_there_after_redis_was_killed(server: Server) -> None:
    queue = RedisQueue(server.url, ManualClock(), TERMS)
    assert await queue.send([b"1", b"2"]) == []
    server.kill()
    with pytest.raises(QueueUnavailableError, match="Redis cannot be asked"):
        await queue.send([b"3"])
    server.start()
    assert [each.body for each in await queue.receive(10, 5)] == [b"1", b"2"]
    await queue.close()


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(DURABLE))
async def test_a_redis_that_may_lose_messages_is_sent_none(server: Server, name: str) -> None:
    queue = RedisQueue(server.url, ManualClock(), TERMS)
    other = {"appendonly": "no", "appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"}[name]
    server.client.config_set(name, other)
    with pytest.raises(QueueUnavailableError, match=f"set {name} {DURABLE[name]}$"):
        await queue.send([b"1"])
    server.client.config_set(name, DURABLE[name])
    assert await queue.send([b"1"]) == []
    await queue.close()


@pytest.mark.anyio
async def test_a_redis_that_is_full_takes_nothing_more_and_can_be_emptied(server: Server) -> None:
    queue = RedisQueue(server.url, ManualClock(), TERMS)
    assert await queue.send([b"1" * 1000] * 100) == []
    server.client.config_set("maxmemory", server.client.info("memory")["used_memory"] - 10_000)
    with pytest.raises(QueueUnavailableError, match="maxmemory"):
        await queue.send([b"2"])
    held = [each.handle for each in await queue.receive(100, 0)]
    assert len(held) == 100
    assert await queue.delete(held) == []
    server.client.config_set("maxmemory", 0)
    assert await queue.send([b"2"]) == []
    await queue.close()
