"""The policies of the template allow each role what it does on AWS, and no more."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness.cloud import Cloud
from harness.emulator import Emulator
from harness.template import Stack
from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.provision import Plan, Provisioner
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.domain.contract.moment import HOUR_MS, Span, format_timestamp, hour_of
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.inputs import Name
from telemetry.domain.figures.report import Hours
from telemetry.domain.figures.watch import Watch
from telemetry.domain.lake import census
from telemetry.domain.lake.expire import Expiry
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Prover
from telemetry.domain.store import notes, objects
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.recover import Recovery
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process import cli
from tests.builders import HOUR, NOW, POLICY, a_body, a_record, put_batch
from tests.entrypoints.roles.dead_letters import put_bad_body
from tests.lake import certify, compactor_of, tidier_of
from tests.unit.store.stepped import turn

TERMS = LeaseTerms(visibility_ms=30_000, max_receives=3)
SERVICES = {"monitoring": "cloudwatch"}
NAMES = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
}
"""Actions of IAM, by the operations whose names they do not have."""


class Watched:
    """Queues and a bucket that were made as the template says, and what was asked of them since."""

    def __init__(self, emulator: Emulator, cloud: Cloud) -> None:
        self._trace = emulator.trace
        self.cloud = cloud
        self.bucket = "watched"
        self.provision()
        self.url = cloud.sqs.get_queue_url(QueueName="telemetry")["QueueUrl"]
        self.dead_url = cloud.sqs.get_queue_url(QueueName="telemetry-dlq")["QueueUrl"]
        self.start()

    def provision(self) -> None:
        provisioner = Provisioner(Plan("telemetry", self.bucket, "fleet"))
        for change in provisioner.changes():
            change.apply()
        provisioner.settings()
        provisioner.close()

    def start(self) -> None:
        """Forget what was asked until now."""
        self._seen = len(self._trace.read_text().splitlines())

    def asked(self) -> set[tuple[str, str]]:
        """Return the actions that were needed, each with the ARN in S3, or nothing of SQS."""
        found = map(json.loads, self._trace.read_text().splitlines()[self._seen :])
        return {
            (
                f"{SERVICES.get(each['service'], each['service'])}:{NAMES.get(each['operation'], each['operation'])}",
                f"arn:aws:s3:::{each['path'].lstrip('/')}" if each["service"] == "s3" else "",
            )
            for each in found
        }

    @asynccontextmanager
    async def ports(self) -> AsyncIterator[tuple[SqsQueue, S3Storage]]:
        queue, storage = SqsQueue(self.url, TERMS, pause_s=0, poll_s=1), S3Storage(self.bucket, "fleet")
        try:
            yield queue, storage
        finally:
            await queue.close()
            await storage.close()

    def send(self, url: str, *bodies: bytes) -> None:
        for body in bodies:
            self.cloud.sqs.send_message(QueueUrl=url, MessageBody=body.decode())


@pytest.fixture
def watched(emulator: Emulator) -> Watched:
    cloud = Cloud()
    return Watched(emulator, cloud)


def check(policy: str, asked: Iterable[tuple[str, str]]) -> None:
    """See that all that was asked is allowed, and that no action is allowed that was not asked for."""
    statements = Stack(BucketName="watched", S3Prefix="fleet/").statements(policy)
    for action, arn in asked:
        of_action = [each for each in statements if action in each["Action"]]
        assert of_action, f"{policy} lacks {action} {arn}"
        if arn:
            patterns = [str(pattern) for each in of_action for pattern in each["Resource"]]
            assert any(fnmatchcase(arn, pattern) for pattern in patterns), f"{policy} lacks {action} {arn}"
    allowed = {str(action) for each in statements for action in each["Action"]}
    assert allowed == {action for action, _ in asked}


def test_the_receiver_may_do_what_it_does_and_no_more(watched: Watched):
    hour = hour_of(NOW)

    async def build() -> None:
        storage = S3Storage(watched.bucket, "fleet")
        await put_batch(storage, a_record())
        await Aggregator(storage).look()
        (found,) = (await Watch(storage).look(NOW)).due
        await Aggregator(storage).settle(found)
        await storage.close()
        watched.start()

    async def receive() -> None:
        async with watched.ports() as (queue, storage):
            assert await queue.send([a_body()]) == []
            await queue.depth()
            hours = Hours(storage)  # as GET /hours asks
            assert [each async for each in hours.lines([hour])] == []
            assert await hours.report(hour) is None

    asyncio.run(build())
    asyncio.run(receive())
    check("ReceiverPolicy", watched.asked())


def test_the_consumer_may_do_what_it_does_and_no_more(watched: Watched):
    late = format_timestamp(SystemClock().wall_ms() - 30 * HOUR_MS)  # which is noted
    watched.send(watched.url, a_body(), b"nonsense", a_body(vehicle_id="other"), a_body(timestamp=late))
    watched.start()
    limits = BatchLimits(4, 5_000_000, 60)

    async def consume() -> None:
        async with watched.ports() as (queue, storage):
            consumer = Consumer(queue, storage, SystemClock(), POLICY, limits, TERMS)
            while not (stored := await turn(consumer, 0.2)):
                pass
            assert (stored.records, stored.quarantined) == (3, 1)
            assert len(await storage.list("notes/")) == 1
            for info in await storage.list("skewed/"):
                await storage.put(info.key, await storage.get(info.key))  # as after an answer that was lost
            await queue.extend(["none"], 0)

    asyncio.run(consume())
    check("ConsumerPolicy", watched.asked())


def test_the_aggregator_may_do_what_it_does_and_no_more(watched: Watched):
    hour = hour_of(NOW)

    async def aggregate() -> None:
        storage, queue = S3Storage(watched.bucket, "fleet"), SqsQueue(watched.url, TERMS)
        await put_batch(storage, a_record())
        await put_bad_body(storage, b"nonsense")
        await storage.put(objects.complete_key(hour), b"{}")
        await storage.put(notes.note_key([hour], b"", NOW), b"")
        await storage.put(Name("00", 1).key(hour), b"{}")  # inputs that are replaced
        watched.start()
        certifier = Certifier(storage, SystemClock(), Inquiry(storage, queue))
        watch, aggregator = Watch(storage), Aggregator(storage, certifier=certifier)
        await aggregator.look()
        (found,) = (await watch.look(NOW)).due
        assert await aggregator.settle(found)
        assert await aggregator.figures(hour)
        watch.settled(hour)
        await watch.tidy()
        assert (await watch.look(NOW)).due == []
        assert await storage.list("notes/") == []
        assert await storage.list(objects.complete_key(hour)) == []
        await storage.close()
        await queue.close()

    asyncio.run(aggregate())
    check("AggregatorPolicy", watched.asked() | {("s3:ListBucket", f"arn:aws:s3:::{watched.bucket}")})


def test_the_operator_may_do_what_it_does_and_no_more(watched: Watched):
    watched.send(watched.dead_url, a_body())

    async def recover() -> None:
        async with watched.ports() as (queue, storage):
            await put_bad_body(storage, b"nonsense")
            watched.start()
            recovery = Recovery(queue, storage)
            names = [each.name async for each in recovery.items()]
            assert len(names) == 2
            assert await recovery.replay(names) == []
            assert [each async for each in recovery.items()] == []
            await queue.extend(["none"], 0)
            await queue.depth()

    asyncio.run(recover())
    check("OperatorPolicy", watched.asked())


def test_who_compacts_may_do_what_that_takes_and_no_more(watched: Watched):
    async def compact() -> None:
        storage, clock = S3Storage(watched.bucket, "fleet"), ManualClock(SystemClock().wall_ms())
        await put_batch(storage, a_record())
        await certify(storage)
        watched.start()
        (hour,) = await census.hours(storage, census.RAW, Span())
        assert await compactor_of(storage, clock).compact(hour)
        clock.advance(3 * HOUR_MS / 1000)
        assert (await tidier_of(storage, clock).tidy(hour)).raw == 1
        assert await Expiry(storage, 0).expire(clock.wall_ms(), is_trial=False)
        await storage.close()

    asyncio.run(compact())
    check("CompactorPolicy", watched.asked())


@pytest.fixture
def commanded(watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watched:
    """Let commands use the queue and the bucket, in which an hour is compacted, with a record beside it."""

    async def fill() -> None:
        storage, clock = S3Storage(watched.bucket, "fleet"), ManualClock(SystemClock().wall_ms())
        await put_batch(storage, a_record(vehicle_id="a"), a_record(vehicle_id="b"))
        await certify(storage)
        assert await compactor_of(storage, clock).compact(HOUR)
        await put_batch(storage, a_record(vehicle_id="b", timestamp_ms=NOW + 1), a_record(vehicle_id="b"))
        await storage.close()

    asyncio.run(fill())
    monkeypatch.chdir(tmp_path)
    settings = {"STORAGE_BACKEND": "s3", "S3_BUCKET": watched.bucket, "S3_PREFIX": "fleet"}
    settings |= {"QUEUE_BACKEND": "sqs", "SQS_QUEUE_URL": watched.url}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    watched.start()
    return watched


def test_who_asks_a_bucket_is_answered_and_may_do_no_more(
    commanded: Watched, capsys: pytest.CaptureFixture[str]
):
    question = "SELECT vehicle_id, count(*) AS records FROM records GROUP BY ALL ORDER BY ALL"
    assert cli.main(["query", question, "--format", "csv"]) == 0
    assert capsys.readouterr().out.split() == ["vehicle_id,records", "a,1", "b,2"]
    check("QuerierPolicy", commanded.asked())


def test_who_erases_may_do_what_that_takes_and_no_more(commanded: Watched):
    commanded.send(commanded.dead_url, a_body(vehicle_id="b"))
    commanded.start()
    assert cli.main(["vehicle", "export", "b", "--output", "theirs.jsonl"]) == 0
    cli.main(["vehicle", "erase", "b", "--yes"])
    check("EraserPolicy", commanded.asked())

    async def left() -> list[str]:
        storage = S3Storage(commanded.bucket, "fleet")
        found = [info.key for info in await storage.list("raw/") if b'"b"' in await storage.get(info.key)] + [
            info.key for info in await storage.list("compacted/")
        ]
        await storage.close()
        return found

    assert asyncio.run(left()) == []


def test_the_prover_may_do_what_it_does_and_no_more(watched: Watched):
    watched.send(watched.dead_url, a_body())
    manifest = Manifest()
    manifest.add_sent([a_record()])

    async def prove() -> None:
        async with watched.ports() as (queue, storage):
            await put_batch(storage, a_record())
            watched.start()
            await Prover(storage, queue, POLICY).prove(manifest, NOW, NOW)

    asyncio.run(prove())
    check("ProverPolicy", watched.asked())


def test_who_provisions_may_do_what_that_takes_and_no_more(watched: Watched):
    for url in (watched.url, watched.dead_url):
        watched.cloud.sqs.delete_queue(QueueUrl=url)
    watched.cloud.s3.delete_bucket(Bucket=watched.bucket)
    watched.start()
    watched.provision()
    check("ProvisionerPolicy", watched.asked())
