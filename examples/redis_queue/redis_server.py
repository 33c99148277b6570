"""A Redis of one's own, for tests: it runs on a socket in a new folder, and is durable."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from redis_queue import DURABLE


class Server:
    """A process of Redis, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/socket"
        self.client = Redis.from_url(self.url)

    def start(self) -> None:
        options = {"port": "0", "unixsocket": f"{self.folder}/socket", "dir": f"{self.folder}"} | DURABLE
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        while not self.is_ready():
            assert self.process.poll() is None
            time.sleep(0.01)

    def is_ready(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:  # it does not listen yet, or reads what it has
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running() -> Iterator[Server]:
    """Run a Redis; skip the test where there is none."""
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server")
    with tempfile.TemporaryDirectory() as folder:  # whose name is short enough for a socket
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
