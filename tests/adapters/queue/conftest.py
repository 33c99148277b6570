"""Queues on SQS: one at an AWS that fails on demand, and one at an AWS that does what AWS does."""

from collections.abc import AsyncIterator

import pytest

from harness.cloud import Cloud
from harness.stub import Stub, ok
from telemetry.adapters.queue.sqs import SqsQueue
from tests.adapters.queue.sqs_stub import TERMS, queue_at


@pytest.fixture
async def stubbed(stub: Stub) -> AsyncIterator[SqsQueue]:
    queue = queue_at(stub)
    yield queue
    stub.script = lambda _: ok()
    await queue.close()


@pytest.fixture
async def real(cloud: Cloud) -> AsyncIterator[tuple[SqsQueue, str]]:
    url = cloud.queue()
    queue = SqsQueue(url, TERMS, poll_s=1)
    yield queue, url
    await queue.close()
