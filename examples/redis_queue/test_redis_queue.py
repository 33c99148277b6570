"""The queue on Redis Streams keeps the laws of the queue, at a Redis of its own."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThereError

from redis_queue import DURABLE, STREAM, RedisQueue
from telemetry.adapters.clock import ManualClock
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.testing.queue import CountedClocks, Fenced, Ordered, Prompt, QueueContract, Trial, Warned

TERMS = LeaseTerms(visibility_ms=30_000, max_receives=3)
AGE = """
for _, each in ipairs(redis.call('XPENDING', KEYS[1], 'all', '-', '+', 1000)) do
  redis.call('XCLAIM', KEYS[1], 'all', each[2], 0, each[1], 'IDLE', each[3] + ARGV[1], 'JUSTID')
end
"""


class Server:
    """A Redis of one's own in a new folder, on a socket in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/socket"
        self.client = Redis.from_url(self.url)

    def start(self) -> None:
        options = {"port": "0", "unixsocket": f"{self.folder}/socket", "dir": f"{self.folder}"} | DURABLE
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        while True:
            try:
                self.client.ping()
            except NotThereError:
                assert self.process.poll() is None
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def age(self, by_ms: float) -> None:
        """Let all leases have begun so much earlier."""
        self.client.eval(AGE, 1, STREAM, str(round(by_ms)))


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def server(running: Server) -> Server:
    running.client.flushall()
    return running


class TestRedis(QueueContract, Ordered, Prompt, CountedClocks, Fenced, Warned):
    @pytest.fixture
    async def trial(self, server: Server) -> AsyncIterator[Trial]:
        clock = ManualClock()
        queue = RedisQueue(server.url, clock, TERMS)

        async def let_pass(share: float) -> None:
            clock.advance(share * TERMS.visibility_ms / 1000)
            server.age(share * TERMS.visibility_ms)

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
