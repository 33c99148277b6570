"""A relay in front of an emulator, which is as far away as the real AWS and answers as it does.

Every byte takes half a round trip each way. With `--random-fill` each receive may bring fewer messages than
it asked for, from one on, whatever the queue holds, as SQS does.
"""

import argparse
import asyncio
import random
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

import uvloop

from telemetry.entrypoints.process import runtime

_ASKED: Final = re.compile(rb'("MaxNumberOfMessages": )10\b')

Change = Callable[[bytes], bytes]


class Relay:
    """A relay in a process of its own, to a port of this machine."""

    def __init__(self, port: int, rtt_ms: float, *, random_fill: bool = False) -> None:
        self.port = runtime.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        options = ["--random-fill"] if random_fill else []
        addresses = [f"--port={self.port}", f"--to={port}", f"--rtt={rtt_ms}"]
        self._process = subprocess.Popen(  # noqa: S603  # this module
            [sys.executable, "-m", "benchmarks.relay", *addresses, *options], stdout=subprocess.PIPE
        )
        line = cast("bytes", self._process.stdout and self._process.stdout.readline())
        if not line:
            raise RuntimeError("the relay did not start")

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Side(asyncio.Protocol):
    """One side of a connection: what comes in goes out at the other side, half a round trip later."""

    def __init__(self, delay_s: float, change: Change | None = None) -> None:
        self._delay_s = delay_s
        self._change = change
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._early: list[bytes] = []  # what came before the other side was open
        self.other: Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        changed = self._change(data) if self._change else data
        self._loop.call_later(self._delay_s, self._pass_on, changed)

    def connection_lost(self, _: Exception | None) -> None:
        self._loop.call_later(self._delay_s, self._pass_on, b"")

    def _pass_on(self, data: bytes) -> None:
        if self.other:
            self.other.write(data)
        else:
            self._early.append(data)

    def write(self, data: bytes) -> None:
        if not self._transport:
            return
        if data:
            self._transport.write(data)
        else:
            self._transport.close()


class Near(Side):
    """The side of the client, which opens the other one."""

    def __init__(self, port: int, delay_s: float, change: Change | None) -> None:
        super().__init__(delay_s, change)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = self._loop.create_task(self._open())

    async def _open(self) -> None:
        with suppress(OSError):
            _, far = await self._loop.create_connection(lambda: Side(self._delay_s), "127.0.0.1", self._port)
            self.other, far.other = far, self
            for data in self._early:
                far.write(data)


def ask_for_fewer(data: bytes) -> bytes:
    """Change how many messages a receive asks for; the length of the request stays."""
    return _ASKED.sub(lambda found: b"%s%2d" % (found[1], random.randint(1, 10)), data)  # noqa: S311  # as above


async def serve(port: int, to: int, rtt_ms: float, change: Change | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Near(to, rtt_ms / 2000, change), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", type=int, required=True, help="the port of the emulator")
    parser.add_argument("--rtt", type=float, default=50, help="of a round trip, in ms (default: %(default)s)")
    parser.add_argument("--random-fill", action="store_true")
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.port, chosen.to, chosen.rtt, ask_for_fewer if chosen.random_fill else None))


if __name__ == "__main__":
    main()
