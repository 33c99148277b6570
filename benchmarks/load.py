"""A load that disturbs the measurement little: it is a process of its own, and makes its bodies beforehand.

`python -m benchmarks.load --url http://127.0.0.1:8000 --records 500` posts the records of a fleet over
connections that are kept alive. It prints what was accepted, how fast, and the latencies of the answers, as
JSON. Between two posts of a body only its timestamps change, so that no two records of a run are the same.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import uvloop

from benchmarks import data
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import format_timestamp

# Bodies of the same vehicles with other values, so that they compress no better than real ones.
_VARIANTS: Final = 4
_TYPES: Final = {"lines": "application/x-ndjson", "array": "application/json"}
_ACCEPTED: Final = re.compile(rb'"accepted":(\d+)')
_END_OF_HEAD: Final = b"\r\n\r\n"


class Bodies:
    """Requests of `records` records each, which take the vehicles in turn.

    The first record of a vehicle is of `start_ms`, and each of its next records is a millisecond later.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # the options of a load
        self, url: str, key: str, records: int, vehicles: int, start_ms: int, form: str = "lines"
    ) -> None:
        self._start_ms = start_ms
        self._vehicles = vehicles
        self._records = records
        self._head = (
            f"POST /ingest HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nX-API-Key: {key}\r\n"
            f"Content-Type: {_TYPES[form]}\r\nContent-Length: {{}}\r\n\r\n"
        )
        self._form = form
        self._templates = [self._template(lines) for lines in self._lines()]

    def __iter__(self) -> Iterator[bytes]:
        """Yield requests without end."""
        sent = 0
        while True:
            pieces = self._templates[sent // self._records % len(self._templates)]
            first_ms = self._start_ms + sent // self._vehicles
            last_ms = self._start_ms + (sent + self._records - 1) // self._vehicles
            timestamps = [format_timestamp(ms).encode() for ms in range(first_ms, last_ms + 1)]
            if len(timestamps) == 1:
                pieces[1::2] = timestamps * self._records
            else:
                offset = sent % self._vehicles
                pieces[1::2] = [timestamps[(offset + n) // self._vehicles] for n in range(self._records)]
            yield b"".join(pieces)
            sent += self._records

    def _lines(self) -> Iterator[list[bytes]]:
        """Yield the lines of bodies, enough of them that each vehicle has its turn."""
        rounds = max(1, self._vehicles // self._records) * _VARIANTS
        made = data.records(rounds * self._records, self._vehicles)
        for first in range(0, len(made), self._records):
            lines = codec.encode_request(made[first : first + self._records])
            yield (lines if self._form == "lines" else _array(lines)).splitlines(keepends=True)

    def _template(self, lines: list[bytes]) -> list[bytes]:
        """Split a request into what stays the same and the timestamps, which are at the odd places."""
        pieces = [self._head.format(sum(map(len, lines))).encode()]
        for line in lines:
            before, timestamp, after = line.partition(_timestamp(line))
            pieces[-1] += before
            pieces += [timestamp, after]
        return pieces


class Run:
    """The posts of one run, and their answers. `limit` bounds the posts, `rate` is in records a second."""

    def __init__(self, bodies: Bodies, records: int, rate: float, duration_s: float, limit: float) -> None:
        self._bodies = iter(bodies)
        self._period_s = records / rate
        self._duration_s = duration_s
        self._limit = limit
        self._begun = 0
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()
        self.records = records
        self.posts = self.accepted = self.refused = 0
        self.latencies_s: list[float] = []

    def proceed(self, connection: "Connection") -> None:
        """Post the next body over a free connection when it is due; close the connection after the last."""
        due_s = self._started_s + self._begun * self._period_s
        is_over = max(due_s, self._loop.time()) >= self._started_s + self._duration_s
        if is_over or self._begun >= self._limit:
            connection.finish()
            return
        self._begun += 1
        body = next(self._bodies)
        if due_s > self._loop.time():
            self._loop.call_at(due_s, connection.post, body, due_s)
        else:
            # At a fixed rate a latency counts from when the body was due, because the sender waits from then
            # on.
            connection.post(body, due_s if self._period_s else self._loop.time())

    def answered(self, status: bytes, body: bytes, since_s: float) -> None:
        """Count an answer to a post that was due at `since_s`."""
        self.posts += 1
        self.latencies_s.append(self._loop.time() - since_s)
        if status in {b"202", b"200", b"201", b"204"}:
            accepted = _ACCEPTED.search(body)
            self.accepted += int(accepted[1]) if accepted else self.records
        else:
            self.refused += 1

    def figures(self) -> Mapping[str, Any]:
        duration_s = self._loop.time() - self._started_s
        p50_s, p95_s, p99_s = np.percentile(self.latencies_s or [0.0], (50, 95, 99)).tolist()
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "posts": self.posts,
            "refused": self.refused,
            "sent": self.posts * self.records,
            "accepted": self.accepted,
            "seconds": duration_s,
            "p50": p50_s,
            "p95": p95_s,
            "p99": p99_s,
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }


class Connection(asyncio.Protocol):
    """One connection that is kept alive; it sends a request once the answer to the one before has come."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._since_s = 0.0
        self._buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._run.proceed(self)

    def post(self, body: bytes, since_s: float) -> None:
        self._since_s = since_s
        self._transport.write(body)

    def data_received(self, received: bytes) -> None:
        self._buffer += received
        head, found, body = self._buffer.partition(_END_OF_HEAD)
        if not found or len(body) < _content_length(head):
            return
        self._buffer = b""
        self._run.answered(head[9:12], body, self._since_s)
        self._run.proceed(self)

    def finish(self) -> None:
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(exc)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where to post (default: %(default)s)")
    parser.add_argument("--records", type=int, default=500, help="records a POST (default: %(default)s)")
    parser.add_argument("--form", choices=_TYPES, default="lines", help="of a body (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="(default: %(default)s)")
    parser.add_argument("--vehicles", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30, help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=float("inf"), help="records a second (default: max)")
    parser.add_argument(
        "--limit", type=float, default=float("inf"), help="records at the most (default: any number)"
    )
    parser.add_argument(
        "--behind", type=float, default=1800, help="seconds ago of the first timestamp (default: %(default)s)"
    )
    chosen = parser.parse_args()
    if chosen.records % chosen.vehicles and chosen.vehicles % chosen.records:
        parser.error(
            "one of --records and --vehicles is a multiple of the other, so that no identity comes twice"
        )
    figures = asyncio.Runner(loop_factory=uvloop.new_event_loop).run(load(chosen))
    print(json.dumps(figures))
    return int(figures["refused"] > 0)


async def load(chosen: argparse.Namespace) -> Mapping[str, Any]:
    """Send until the time is over and all is answered; return the figures."""
    start_ms = time.time_ns() // 1_000_000 - round(chosen.behind * 1000)
    bodies = Bodies(
        chosen.url, os.environ.get("API_KEY", ""), chosen.records, chosen.vehicles, start_ms, chosen.form
    )
    run = Run(bodies, chosen.records, chosen.rate, chosen.seconds, chosen.limit / chosen.records)
    address = urlsplit(chosen.url)
    connections = [
        (
            await asyncio.get_running_loop().create_connection(
                lambda: Connection(run), address.hostname, address.port or 80
            )
        )[1]
        for _ in range(chosen.connections)
    ]
    await asyncio.gather(*(connection.done for connection in connections))
    return run.figures()


def _array(lines: bytes) -> bytes:
    return b"[" + lines.removesuffix(b"\n").replace(b"\n", b",\n") + b"]"


def _timestamp(line: bytes) -> bytes:
    return line.partition(b'"timestamp":"')[2].partition(b'"')[0]


def _content_length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0] or 0)


if __name__ == "__main__":
    sys.exit(main())
