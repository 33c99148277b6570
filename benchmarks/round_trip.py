"""How much one consumer carries from SQS to S3, on its default settings, when AWS is a round trip away.

Run by `make bench-aws RTT=50`. Messages wait before the consumer starts, and others are sent while it works,
so that it never waits for one. They are not all sent before, since the emulator takes the longer for each
receive the more messages it holds. The clock stops when less than a batch is left, which waits for its time.
A record is lost if the queue is empty and the record is not in the bucket.
"""

import os
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks import report
from benchmarks.relay import Relay
from benchmarks.sqs_requests import counts, left
from harness.cloud import Cloud
from harness.emulator import ENVIRONMENT, Emulator
from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.domain.contract import codec
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.vehicle.simulate import Simulation

_BATCH: Final = 100  # records, by default
_LOOK_S: Final = 0.1  # between two looks at the queue: each takes the emulator some milliseconds


class Question(NamedTuple):
    """Messages of so many records each, and how many records a second have to be carried at 50 ms.

    About `waiting` messages wait at any time, beside those on lease.
    """

    name: str
    messages: int
    records: int
    goal: int
    waiting: int = 2_000
    random_fill: bool = False


QUESTIONS: Final = (
    Question("single", 20_000, 1, 2_000),
    Question("single_random_fill", 20_000, 1, 2_000, random_fill=True),
    Question("packed", 3_000, 500, 200_000, waiting=500),
)


def measure(question: Question, rtt_ms: float) -> Mapping[str, Any]:
    """Fill a queue of a fresh emulator, and let one consumer empty it from behind a relay."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emulator = Emulator(folder)
        emulator.start()
        relay = Relay(emulator.port, rtt_ms, random_fill=question.random_fill)
        os.environ.update(ENVIRONMENT, AWS_ENDPOINT_URL=emulator.url)
        cloud = Cloud()
        queue, bucket = cloud.queue(), cloud.bucket()
        places = {"SQS_QUEUE_URL": queue, "S3_BUCKET": bucket, "AWS_ENDPOINT_URL": relay.url}
        pipeline = Pipeline(folder, QUEUE_BACKEND="sqs", STORAGE_BACKEND="s3", **places)
        del pipeline.environment["QUEUE_VISIBILITY_TIMEOUT"]
        try:
            unsent = deque(bodies(question))
            keep(cloud, queue, unsent, question.waiting)
            pipeline.start("consumer")
            wait_until(lambda: "Started" in pipeline.log("consumer"), "the consumer to start")
            started = time.monotonic()
            while keep(cloud, queue, unsent, question.waiting) * question.records >= _BATCH:
                time.sleep(_LOOK_S)
            seconds = time.monotonic() - started
            wait_until(lambda: not left(cloud, queue), "the queue to be empty")
            cpu_s = sum(os.times()[2:4])
            pipeline.stop("consumer")
            cpu_s = sum(os.times()[2:4]) - cpu_s
            sent, stored = question.messages * question.records, lines(cloud, bucket)
            return {
                "name": f"round_trip_{question.name}",
                "rtt_ms": f"{rtt_ms:g}",
                "messages_per_s": round(question.messages / seconds),
                "records_per_s": round(sent / seconds),
                "goal_records_per_s": question.goal,
                "cpu_ms_per_message": round(cpu_s * 1000 / question.messages, 2),
                "objects": len(cloud.keys(bucket)),
                "lost": sent - len(stored),
                "duplicates": stored.total() - len(stored),
            }
        finally:
            pipeline.stop_all()
            cloud.close()
            relay.end()
            emulator.kill()


def keep(cloud: Cloud, queue: str, unsent: deque[str], waiting: int) -> int:
    """Send as many messages as are missing to `waiting`, past the relay; return how many are left in all."""
    ready, leased = counts(cloud, queue)
    missing = min(waiting - ready, len(unsent))
    texts = [unsent.popleft() for _ in range(missing)]
    with ThreadPoolExecutor(2) as threads:
        runs = (texts[start : start + 10] for start in range(0, len(texts), 10))
        list(threads.map(lambda run: send(cloud, queue, run), runs))
    return ready + leased + len(texts)


def send(cloud: Cloud, queue: str, texts: Sequence[str]) -> None:
    entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts)]
    answer = cloud.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    if answer.get("Failed"):
        raise RuntimeError(f"the emulator did not take {answer['Failed']}")


def bodies(question: Question) -> Iterator[str]:
    """Yield messages of the last minutes: bare ones of one record, and envelopes of more."""
    policy, now_ms = PartitionPolicy(), time.time_ns() // 1_000_000
    sampled = Simulation(max(question.records, 100), seed=1).sample(now_ms)
    for number in range(question.messages):
        changes = {"timestamp_ms": now_ms - 10 * number, "received_ms": now_ms}
        first = number % (len(sampled) - question.records + 1)
        records = [msgspec.structs.replace(each, **changes) for each in sampled[first:][: question.records]]
        if question.records == 1:
            yield codec.encode_request(records).decode()
        else:
            parcel = Parcel.of(policy.place(records[0]), records)
            yield b64encode(envelope.encode([parcel])).decode()


def lines(cloud: Cloud, bucket: str) -> Counter[int]:
    """Count how often each line is stored, by the hash of the line."""
    found: Counter[int] = Counter()
    for key in cloud.keys(bucket):
        found.update(map(hash, cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()))
    return found


def main() -> int:
    chosen = report.arguments(__doc__, rtt=50.0)
    return report.show([measure(question, chosen.rtt) for question in QUESTIONS], chosen)


if __name__ == "__main__":
    sys.exit(main())
