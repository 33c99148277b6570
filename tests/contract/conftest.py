"""The adapters for AWS, beside those that each suite makes for itself."""

import asyncio
from types import SimpleNamespace

import pytest

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqs import SqsQueue
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.domain.transport.lease import LeaseTerms

_TERMS = LeaseTerms(visibility_ms=2000, max_receives=2)  # SQS counts in whole seconds


@pytest.fixture
async def sqs(cloud):
    async def let_pass(share: float) -> None:
        await asyncio.sleep(share * _TERMS.visibility_ms / 1000)

    queue = SqsQueue(cloud.queue(_TERMS.max_receives), _TERMS, pause_s=0, poll_s=2)
    yield SimpleNamespace(queue=queue, clock=SystemClock(), terms=_TERMS, let_pass=let_pass)
    await queue.close()


@pytest.fixture
async def s3(cloud):
    storage = S3Storage(cloud.bucket(), "a/prefix")
    yield storage
    await storage.close()
