"""What counting for Prometheus costs the hot path: pairs of runs with and without it, within one process.

A receiver takes POSTs into the embedded queue, without a server for HTTP before it, and a consumer stores
them in the local store. Only CPU is measured, so that no disk hides the cost. Each pair does the same work
with metrics and with some that do nothing, in turns, and the median of all pairs counts. What each role tells
once a second is given as the share of a core that it takes.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

import msgspec

from benchmarks import data, report
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.domain.contract import codec
from telemetry.domain.transport import envelope
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.watch.lately import Window
from telemetry.entrypoints.process import log
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import Secret
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import receiver
from telemetry.entrypoints.shared import granting

_KEY: Final = "k"
_GOAL: Final = 3.0  # percent
_SETTINGS: Final = Settings(api_key=Secret(_KEY), skew_max_past=1e9, batch_size=1)

Run = Callable[[int], Awaitable[None]]


class Nothing:
    """Metrics that count nothing."""

    content_type = ""

    def __getattr__(self, verb: str) -> Callable[..., None]:
        return _ignore


def _ignore(*_: object) -> None:
    pass


def posts(folder: Path, records: int, metrics: Any) -> Run:  # noqa: ANN401  # of a receiver, or nothing
    """Return what posts a body of `records` so many times to a receiver with these metrics."""
    container = Container(settings=msgspec.structs.replace(_SETTINGS, data_dir=folder))
    with mock.patch.object(receiver, "ReceiverMetrics", return_value=metrics):
        who = granting.grants(_SETTINGS)
        app = receiver.assemble(container, who, log.configure(_SETTINGS, "Receiver"))
    body = codec.encode_request(data.records(records))
    headers = [(b"x-api-key", _KEY.encode()), (b"content-type", b"application/x-ndjson")]
    message = {"type": "http.request", "body": body, "more_body": False}

    async def receive() -> Any:  # noqa: ANN401  # a message of ASGI
        return message

    async def send(answer: Any) -> None:  # noqa: ANN401  # a message of ASGI
        assert answer.get("status", 202) == 202  # noqa: PLR2004, S101

    async def run(times: int) -> None:
        for _ in range(times):
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/ingest",
                "raw_path": b"/ingest",
                "query_string": b"",
                "headers": headers,
                "client": ("127.0.0.1", 1),
                "state": {},
                "app": app,
            }
            await app.asgi_handler(scope, receive, send)  # type: ignore[arg-type]
        queue = container.queue()
        while left := await queue.receive(1000, 0):
            await queue.delete([each.handle for each in left])

    return run


def batches(folder: Path, records: int, metrics: Any) -> Run:  # noqa: ANN401  # of a consumer, or nothing
    """Return what stores an envelope of `records` so many times, with these metrics."""
    container = Container(settings=msgspec.structs.replace(_SETTINGS, data_dir=folder))
    consumer, queue = container.consumer(), container.queue()
    made = data.records(records)
    body = envelope.encode([Parcel.of(_SETTINGS.partition_policy.place(made[0]), made)])

    async def run(times: int) -> None:
        for _ in range(times):
            await queue.send([body])
            await consumer.receive(0)
            metrics.carries(consumer.in_flight, consumer.held_back)
            flush = consumer.due()
            assert flush  # noqa: S101
            for new in flush.objects:
                await consumer.write(flush, new)
            metrics.stored(await consumer.settle(flush))
            metrics.carries(consumer.in_flight, consumer.held_back)

    return run


async def compare(counting: Run, plain: Run, pairs: int, times: int) -> float:
    """Return by how many percent counting is slower, as the median of pairs in turns."""
    shares = []
    for number in range(pairs + 1):
        took_s = {}
        for run in (counting, plain) if number % 2 else (plain, counting):
            started_s = time.process_time()
            await run(times)
            took_s[run] = time.process_time() - started_s
        if number:  # the first pair warms up
            shares.append(took_s[counting] / took_s[plain] - 1)
    return statistics.median(shares) * 100


async def measure(pairs: int) -> list[Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        received, consumed = ReceiverMetrics("0", here, lambda: 0), ConsumerMetrics("0", here)
        answers: list[Mapping[str, Any]] = []
        for name, make, metrics, records, times in (
            ("receiver_500", posts, received, 500, 10),
            ("receiver_1", posts, received, 1, 60),
            ("consumer_500", batches, consumed, 500, 20),
            ("consumer_1", batches, consumed, 1, 40),
        ):
            percent = await compare(
                make(here / name / "counting", records, metrics),
                make(here / name / "plain", records, Nothing()),
                pairs,
                times,
            )
            answers.append({"name": f"metrics_{name}", "percent": round(percent, 2), "goal": _GOAL})
        return [*answers, _telling(consumed)]


def _telling(metrics: ConsumerMetrics) -> Mapping[str, Any]:
    """Measure what it takes to tell once a second, as a share of a core."""
    window, times = Window("consumer"), 200
    started_s = time.process_time()
    for second in range(times):
        msgspec.json.encode(window.add(metrics.tallies(second * 1000)))
    percent = (time.process_time() - started_s) / times * 100
    return {"name": "telling", "percent": round(percent, 2), "goal": _GOAL}


def main() -> int:
    chosen = report.arguments(__doc__, pairs=21)
    answers = asyncio.run(measure(chosen.pairs))
    status = report.show(answers, chosen)
    return status or int(any(each["percent"] > each["goal"] for each in answers))


if __name__ == "__main__":
    sys.exit(main())
