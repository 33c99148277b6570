"""What a reader of an hour reads."""

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.lake import manifest
from telemetry.domain.lake.follow import ATTEMPTS, current, follow
from telemetry.domain.lake.manifest import Input
from telemetry.domain.store.storage import ObjectNotFoundError
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.lake import ChangingStorage, replacing
from tests.unit.lake.test_manifest import a_manifest


class Hasty(MemoryStorage):
    """A store where manifests are gone before they are read, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(ManualClock(NOW))
        self.times = times

    async def get(self, key: str) -> bytes:
        if self.times:
            self.times -= 1
            raise ObjectNotFoundError(key)
        return await super().get(key)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage(ManualClock(NOW))


async def test_without_a_manifest_it_reads_all_raw_objects(storage: MemoryStorage):
    key = await put_batch(storage, a_record())
    reading = await follow(storage, HOUR)
    assert reading.manifest is None
    assert [info.key for info in reading.raw] == [key]
    assert reading.contents == ()


async def test_it_reads_the_objects_of_the_newest_manifest_and_what_that_does_not_name(
    storage: MemoryStorage,
):
    taken = await put_batch(storage, a_record())
    late = await put_batch(storage, a_record(can_id="0x2"))
    size = (await storage.list(taken))[0].size
    for revision in (1, 2):
        made = a_manifest(revision=revision, inputs={taken: Input(size, "ab")})
        await storage.put(manifest.manifest_key(HOUR, revision), manifest.encode(made))
    reading = await follow(storage, HOUR)
    assert reading.manifest
    assert reading.manifest.revision == 2
    assert reading.contents == reading.manifest.objects
    assert [info.key for info in reading.raw] == [late]
    assert len(reading.beside) == 2


async def test_records_that_went_back_to_raw_objects_meanwhile_are_read():
    storage = ChangingStorage(replacing(1))
    assert len((await follow(storage, HOUR)).raw) == 1


async def test_while_an_object_is_put_in_the_place_of_another_it_is_looked_for_again():
    storage = ChangingStorage(replacing(1), replacing(2))
    await replacing(0)(storage)
    assert len((await follow(storage, HOUR)).raw) == 1
    assert storage.changes == []


async def test_it_ends_though_objects_are_replaced_all_the_time():
    storage = ChangingStorage(*map(replacing, range(1, 100)))
    await replacing(0)(storage)
    assert len((await follow(storage, HOUR)).raw) == 1
    assert len(storage.changes) == 99 - ATTEMPTS


async def test_a_manifest_that_is_gone_when_it_is_read_is_looked_for_again():
    storage = Hasty(times=3)
    await storage.put(manifest.manifest_key(HOUR, 1), manifest.encode(a_manifest()))
    found, _ = await current(storage, HOUR)
    assert found == a_manifest()


async def test_one_that_is_listed_and_never_there_is_an_error():
    storage = Hasty(times=100)
    await storage.put(manifest.manifest_key(HOUR, 1), b"")
    with pytest.raises(ObjectNotFoundError):
        await current(storage, HOUR)
