"""What the live page shows is read in a process aside, once for all who ask."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.errors import OutOfReachError
from telemetry.entrypoints.process.kinds import Secret
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import reading
from telemetry.entrypoints.shared.reading import Reading
from tests.builders import HOUR, NOW, a_record, put_batch


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    return Settings(api_key=Secret("k"), data_dir=tmp_path)


async def test_parts_hours_and_courses_are_read_aside(configured: Settings):
    store = LocalStorage(configured.data_dir)
    await put_batch(store, a_record())
    source = Reading(configured, SystemClock())
    try:
        first, second = await asyncio.gather(source.look(), source.look())
        assert first is second
        assert set(first) == {"numbers", "hours", "fleet", "triggers", "reader"}
        assert msgspec.json.decode(first["hours"])["where"] == str(configured.data_dir / "aggregated")
        assert msgspec.json.decode(first["reader"]) == {"fault": ""}
        assert await source.detail(HOUR) is None
        course = msgspec.json.decode(await source.course("veh-00123", HOUR))
        assert (course["records"], course["listed"]) == (1, 1)
    finally:
        await source.close()


async def test_what_was_read_before_is_shown_with_the_reason_why_it_is_old(configured: Settings):
    clock = ManualClock(NOW)
    source = Reading(configured, clock)

    async def away(_job: object) -> None:
        raise OutOfReachError("it was killed")

    async def there(_job: object) -> dict[str, bytes]:
        return {"numbers": b"{}"}

    source._aside = there  # type: ignore[assignment]
    assert await source.look() == {"numbers": b"{}", "reader": b'{"fault":""}'}
    source._aside = away  # type: ignore[assignment]
    clock.advance(reading.YOUNG_S)
    assert await source.look() == {"numbers": b"{}", "reader": b'{"fault":"it was killed"}'}


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"data_dir": Path("here")}, "here/aggregated"),
        ({"storage_backend": "s3", "s3_bucket": "b"}, "s3://b/aggregated"),
        ({"storage_backend": "s3", "s3_bucket": "b", "s3_prefix": "p/q/"}, "s3://b/p/q/aggregated"),
        ({"storage_backend": "memory"}, "the memory of the receiver (STORAGE_BACKEND=memory)"),
    ],
)
def test_where_the_store_is_can_be_read_by_a_person(settings, where: str):
    assert reading._where(Settings(**settings)) == where
