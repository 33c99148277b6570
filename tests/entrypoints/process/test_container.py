"""The container builds every choice that the settings leave."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.adapters.http.client import HttpGateway
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.proof.prove import Prover
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.recover import Recovery
from telemetry.domain.transport.ingest import Ingest
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import Secret
from telemetry.entrypoints.process.settings import Settings

CHOICES = list(
    itertools.product(("sqlite", "sqs", "memory"), ("local", "s3", "memory"), ("jsonl", "jsonl.zst"))
)


@pytest.mark.parametrize(("queue", "storage", "raw_format"), CHOICES)
async def test_every_choice_is_built(tmp_path: Path, cloud: Cloud, queue, storage, raw_format):
    container = Container(
        settings=Settings(
            data_dir=tmp_path,
            queue_backend=queue,
            sqs_queue_url=cloud.queue() if queue == "sqs" else None,
            storage_backend=storage,
            s3_bucket=cloud.bucket() if storage == "s3" else None,
            raw_format=raw_format,
            api_key=Secret("k"),
        )
    )
    kinds: dict[type, Callable[[], object]] = {
        Ingest: container.ingest,
        Consumer: container.consumer,
        Aggregator: container.aggregator,
        Prover: container.prover,
        Recovery: container.recovery,
    }
    for kind, make in kinds.items():
        assert isinstance(make(), kind)
    gateway = container.gateway(url="http://127.0.0.1:1", connections=1, patience_s=0)
    assert isinstance(gateway, HttpGateway)
    assert (await container.queue().depth()).ready == 0
    assert await container.storage().list("raw/") == []
    await gateway.close()
    await container.storage().close()
    await container.queue().close()


async def test_what_is_shared_is_made_once(tmp_path: Path):
    container = Container(settings=Settings(data_dir=tmp_path))
    assert container.queue() is container.queue()
    assert container.storage() is container.storage()
    await container.queue().close()


def test_what_is_not_asked_for_is_not_made(tmp_path: Path):
    Container(settings=Settings(data_dir=tmp_path)).storage()
    assert list(tmp_path.iterdir()) == []
