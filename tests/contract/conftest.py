"""The adapters of the store that its contract suite runs over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.cloud import Cloud
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.storage.local import LocalStorage
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.domain.store.storage import Storage


@pytest.fixture
async def memory_storage() -> AsyncIterator[MemoryStorage]:
    storage = MemoryStorage(SystemClock())
    yield storage
    await storage.close()


@pytest.fixture
async def local_storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    storage = LocalStorage(tmp_path / "store")
    yield storage
    await storage.close()


@pytest.fixture
async def s3_storage(cloud: Cloud) -> AsyncIterator[S3Storage]:
    storage = S3Storage(cloud.bucket(), "a/prefix")
    yield storage
    await storage.close()


@pytest.fixture(params=["memory", "local", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Each of the stores."""
    storage: Storage = request.getfixturevalue(f"{request.param}_storage")
    return storage
