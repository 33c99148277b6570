"""A question is about the objects of some hours, and no others are listed."""

from collections.abc import Sequence

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, Span, hour_path
from telemetry.domain.lake import manifest
from telemetry.domain.lake.follow import ATTEMPTS
from telemetry.domain.lake.manifest import Content, Input, Manifest
from telemetry.domain.query.catalogue import Catalogue
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo, StoreUnavailableError
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.lake import ChangingStorage, replacing


class ListedStorage(MemoryStorage):
    """A store that remembers what was listed."""

    def __init__(self) -> None:
        super().__init__(ManualClock(NOW))
        self.prefixes: list[str] = []

    async def list(self, prefix: str):
        self.prefixes.append(prefix)
        return await super().list(prefix)


@pytest.fixture
async def storage() -> ListedStorage:
    """A store with records in three hours, figures of two, and what others put between them."""
    made = ListedStorage()
    for late in range(3):
        await put_batch(made, a_record(timestamp_ms=NOW - late * HOUR_MS))
    for hour in (HOUR, Hour(HOUR - 1)):
        await made.put(objects.aggregated_key(hour), b"{}")
        await made.put(f"aggregated/{hour_path(hour)}/_inputs-0-0", b"{}")
    await made.put("raw/README", b"what others put there")
    return made


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        (None, None, [HOUR - 2, HOUR - 1, HOUR]),
        (HOUR - 1, None, [HOUR - 1, HOUR]),
        (None, HOUR - 1, [HOUR - 2, HOUR - 1]),
        (HOUR - 1, HOUR - 1, [HOUR - 1]),
        (HOUR - 1000, HOUR - 1, [HOUR - 2, HOUR - 1]),
    ],
)
async def test_the_objects_of_a_span_are_found(storage: ListedStorage, first, last, hours):
    found = await Catalogue(storage).records(Span(first, last))
    assert found.whole == found.mixed == []
    assert [info.key.partition("/batch")[0] for info in found.raw] == [
        f"raw/{hour_path(Hour(hour))}" for hour in hours
    ]


async def test_while_an_object_is_put_in_the_place_of_another_it_is_looked_for_again():
    storage = ChangingStorage(replacing(1), replacing(2))
    await replacing(0)(storage)
    found = await Catalogue(storage).records(Span())
    assert [info.key for info in found.raw] == [info.key for info in await storage.list("raw/")]
    assert storage.changes == []


async def test_it_ends_though_objects_are_replaced_all_the_time():
    storage = ChangingStorage(*map(replacing, range(1, 100)))
    await replacing(0)(storage)
    assert len((await Catalogue(storage).records(Span())).raw) == 1
    assert len(storage.changes) == 99 - ATTEMPTS


async def test_a_short_span_lists_its_hours_and_no_others(storage: ListedStorage):
    await Catalogue(storage).records(Span(Hour(HOUR - 1), HOUR))
    assert storage.prefixes == [
        f"{tree}/{hour_path(Hour(hour))}/"
        for tree in ("raw", "compacted", "raw")
        for hour in (HOUR - 1, HOUR)
    ]


async def test_of_figures_only_they_themselves_are_found(storage: ListedStorage):
    found = await Catalogue(storage).figures(Span())
    assert [info.key for info in found] == [objects.aggregated_key(Hour(hour)) for hour in (HOUR - 1, HOUR)]


async def test_a_store_that_is_away_says_so(storage: ListedStorage, monkeypatch: pytest.MonkeyPatch):
    async def away(_prefix: str):
        raise StoreUnavailableError("it is away")

    monkeypatch.setattr(storage, "list", away)
    with pytest.raises(StoreUnavailableError, match="it is away"):
        await Catalogue(storage).records(Span())


async def test_what_a_manifest_has_taken_up_is_read_from_its_objects(storage: ListedStorage):
    first, *others = await storage.list(f"raw/{hour_path(HOUR)}/")
    await put_manifest(storage, HOUR, [first])
    await put_manifest(storage, Hour(HOUR - 1), await storage.list(f"raw/{hour_path(Hour(HOUR - 1))}/"))
    await put_batch(storage, a_record(can_id="0x2"))
    found = await Catalogue(storage).records(Span())
    assert others == []
    assert first not in found.raw
    assert len(found.raw) == 2
    assert [info.key for info in found.whole] == [f"compacted/{hour_path(Hour(HOUR - 1))}/records.parquet"]
    assert [info.key for info in found.mixed] == [f"compacted/{hour_path(HOUR)}/records.parquet"]


async def put_manifest(storage: MemoryStorage, hour: Hour, taken: Sequence[ObjectInfo]) -> None:
    """Put the manifest of an hour whose raw objects were taken up."""
    made = Manifest(
        revision=1,
        starts="",
        made="",
        inputs={info.key: Input(info.size, "") for info in taken},
        objects=[Content(f"compacted/{hour_path(hour)}/records.parquet", 1, "", 1, "", "")],
        copies=[],
        records=1,
        unique=1,
        first="",
        last="",
        identities="",
        payloads="",
    )
    await storage.put(manifest.manifest_key(hour, 1), manifest.encode(made))
