"""A question is about the objects of some hours, and no others are listed."""

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, Span, hour_path
from telemetry.domain.query.catalogue import Catalogue
from telemetry.domain.store import objects
from telemetry.domain.store.storage import StoreUnavailableError
from tests.builders import HOUR, NOW, a_record, put_batch


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
    found = await Catalogue(storage).objects("raw", Span(first, last))
    assert [info.key.partition("/batch")[0] for info in found] == [
        f"raw/{hour_path(Hour(hour))}" for hour in hours
    ]


async def test_a_short_span_lists_its_hours_and_no_others(storage: ListedStorage):
    await Catalogue(storage).objects("raw", Span(Hour(HOUR - 1), HOUR))
    assert storage.prefixes == [f"raw/{hour_path(Hour(hour))}/" for hour in (HOUR - 1, HOUR)]


async def test_of_figures_only_they_themselves_are_found(storage: ListedStorage):
    found = await Catalogue(storage).objects("aggregated", Span())
    assert [info.key for info in found] == [objects.aggregated_key(Hour(hour)) for hour in (HOUR - 1, HOUR)]


async def test_a_store_that_is_away_says_so(storage: ListedStorage, monkeypatch: pytest.MonkeyPatch):
    async def away(_prefix: str):
        raise StoreUnavailableError("it is away")

    monkeypatch.setattr(storage, "list", away)
    with pytest.raises(StoreUnavailableError, match="it is away"):
        await Catalogue(storage).objects("raw", Span())
