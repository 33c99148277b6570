"""How many requests to SQS a million records cost: POSTs of 500 records, and of one at 1,000/s.

The roles are real processes with their own defaults. Last line: `requests: per_million_batch=N
per_million_single=N`.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import httpx

from harness.cloud import Cloud
from harness.emulator import ENVIRONMENT, Emulator
from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.domain.contract import codec
from telemetry.domain.vehicle.simulate import Simulation

_CONNECTIONS = 64
_SENDERS = 8  # of bodies of 500 records
_HEAD = (
    b"POST /ingest HTTP/1.1\r\nHost: localhost\r\nX-API-Key: test-key\r\n"
    b"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--records", type=int, default=100_000, help="in bodies of 500 (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=30, help="of single records (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=1000, help="of single records (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object before the last line")
    chosen = parser.parse_args()
    batch = measure(lambda url: asyncio.run(post_batches(url, chosen.records)))
    single = measure(lambda url: asyncio.run(post_singles(url, chosen.seconds, chosen.rate)))
    for name, (records, seconds, verbs) in {"batch": batch, "single": single}.items():
        counts = ", ".join(f"{verb} {count}" for verb, count in sorted(verbs.items()))
        print(f"{name}: {records} records in {seconds:.1f} s, {records / seconds:.0f}/s: {counts}")
    if chosen.json:
        print(json.dumps({"batch": batch, "single": single}))
    totals = [round(sum(verbs.values()) * 1e6 / records) for records, _, verbs in (batch, single)]
    print(f"requests: per_million_batch={totals[0]} per_million_single={totals[1]}")


def measure(load: Callable[[str], int]) -> tuple[int, float, Counter[str]]:
    """Run a load over fresh roles and a fresh emulator; return records, seconds, and requests by verb."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emulator = Emulator(folder)
        emulator.start()
        os.environ.update(ENVIRONMENT, AWS_ENDPOINT_URL=emulator.url)
        cloud = Cloud()
        pipeline = Pipeline(
            folder,
            QUEUE_BACKEND="sqs",
            SQS_QUEUE_URL=cloud.queue(),
            STORAGE_BACKEND="s3",
            S3_BUCKET=cloud.bucket(),
            QUEUE_VISIBILITY_TIMEOUT="30",
        )
        try:
            pipeline.start("receiver")
            pipeline.start("consumer")
            wait_until(lambda: "Started" in pipeline.log("consumer"), "the consumer to start")
            before = requests(emulator)
            started = time.monotonic()
            records = load(pipeline.url)
            seconds = time.monotonic() - started
            queue = pipeline.environment["SQS_QUEUE_URL"]
            wait_until(lambda: not left(cloud, queue), "the queue to be empty")
            return records, seconds, requests(emulator) - before
        finally:
            pipeline.stop_all()
            cloud.close()
            emulator.kill()


def requests(emulator: Emulator) -> Counter[str]:
    """Count what the emulator was asked, by verb, but for this script's own looking at the queue."""
    lines = [json.loads(line) for line in emulator.trace.read_text().splitlines()]
    verbs = Counter(each["operation"] for each in lines if each["service"] == "sqs")
    del verbs["GetQueueAttributes"]
    return verbs


def left(cloud: Cloud, queue: str) -> int:
    return sum(counts(cloud, queue))


def counts(cloud: Cloud, queue: str) -> list[int]:
    """Count the messages that wait, and those on lease."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = cloud.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return [int(found[name]) for name in names]


def bodies(count: int, size: int) -> Iterator[bytes]:
    simulated = Simulation(size, seed=1)
    now = time.time_ns() // 1_000_000
    for number in range(count):
        yield codec.encode_request(simulated.sample(now + number))


async def post_batches(url: str, records: int) -> int:
    waiting = iter(list(bodies(records // 500, 500)))
    async with client(url) as to:
        await asyncio.gather(*(_post_all(to, waiting) for _ in range(_SENDERS)))
    return records


async def _post_all(to: httpx.AsyncClient, waiting: Iterator[bytes]) -> None:
    for body in waiting:
        await _post(to, body)


async def post_singles(url: str, seconds: float, rate: float) -> int:
    """Post single records at a rate over many connections, each record when it is due."""
    ready = list(bodies(round(seconds * rate), 1))
    started = time.monotonic()

    async def send(first: int) -> None:
        # A client that does no more than it must: this one process has to keep up with the rate.
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in range(first, len(ready), _CONNECTIONS):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            writer.write(_HEAD % len(ready[number]) + ready[number])
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
            body = await reader.readexactly(int(length.split(b":")[1]))
            if not head.startswith(b"HTTP/1.1 202"):
                raise SystemExit(f"the receiver said {head.decode()}{body.decode()}")
        writer.close()

    await asyncio.gather(*(send(first) for first in range(_CONNECTIONS)))
    return len(ready)


async def _post(to: httpx.AsyncClient, body: bytes) -> None:
    answer = await to.post("/ingest", content=body)
    if answer.status_code != HTTPStatus.ACCEPTED:
        raise SystemExit(f"the receiver said {answer.status_code}: {answer.text}")


def client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    headers = {"X-API-Key": "test-key", "Content-Type": "application/x-ndjson"}
    return httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=120, trust_env=False)


if __name__ == "__main__":
    main()
