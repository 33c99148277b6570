"""The squares of the week: what they show of each hour, and how little is read for them."""

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_hour
from telemetry.domain.store import objects
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.watch.week import DAYS, Square, Week
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.figures.watching import SteppedAggregator


@pytest.fixture
def stepped() -> SteppedAggregator:
    clock = ManualClock(NOW)
    return SteppedAggregator(FailingStorage(clock), clock, FailingQueue(clock))


async def store(stepped: SteppedAggregator, *hours_ago: int) -> None:
    for each in hours_ago:
        ms = NOW - each * HOUR_MS
        await put_batch(stepped.storage, *(a_record(timestamp_ms=ms + n, received_ms=ms) for n in range(5)))
    await stepped.turns()


def read_figures(storage: FailingStorage) -> list[str]:
    """Return the figures that were read since this was asked last."""
    read = [key for key in storage.got if key.startswith("aggregated/")]
    storage.got.clear()
    return read


async def test_the_hours_of_today_and_of_the_days_before_are_squares(stepped):
    await store(stepped, 0, 1, 50, 24 * DAYS)
    stepped.clock.advance(1200)
    await stepped.turns()
    found = await Week(stepped.storage).look(stepped.clock.wall_ms())
    assert (found.first, found.days, found.unread) == ("2025-10-12", 8, 0)
    # Hours of silence are complete too, for a day after an hour with records: its vehicle is absent.
    back = [*range(182, 24 * DAYS - 25, -1), *range(50, 25, -1), 1]  # 182 is the first hour of the first day
    assert [(square.hour, square.state) for square in found.squares] == [
        *((format_hour(Hour(HOUR - each)), "complete") for each in back),
        ("2025-10-19T14", "open"),
    ]
    assert found.squares[-2] == Square(
        "2025-10-19T13", "complete", 1, 5, 1, 1, found.squares[-2].missing_share, 0
    )
    assert found.squares[-2].missing_share == pytest.approx(1, abs=1e-3)
    # Gaps are measured once an hour is over.
    assert found.squares[-1] == Square("2025-10-19T14", "open", 1, 5, 1, 0, 0.0, 0)


async def test_a_square_says_what_came_late_and_that_it_made_another_revision(stepped):
    await store(stepped, 1)
    late = NOW - HOUR_MS
    await put_batch(stepped.storage, a_record(timestamp_ms=late + 900, received_ms=NOW))
    await stepped.turns()
    (square,) = (await Week(stepped.storage).look(NOW)).squares
    assert (square.revision, square.unique, square.late) == (2, 6, 1)


async def test_figures_are_read_again_only_if_they_are_others(stepped):
    await store(stepped, 0, 1, 2)
    week = Week(stepped.storage)
    read_figures(stepped.storage)
    first = await week.look(NOW)
    assert len(read_figures(stepped.storage)) == 3
    assert await week.look(NOW) == first
    assert read_figures(stepped.storage) == []
    stepped.clock.advance(1)
    await put_batch(stepped.storage, a_record(can_id="0x2"))
    await stepped.turns()
    read_figures(stepped.storage)
    assert (await week.look(NOW)).squares[-1].unique == 6
    assert read_figures(stepped.storage) == [objects.aggregated_key(HOUR)]


async def test_large_figures_are_read_a_few_at_a_look_the_newest_first(stepped):
    await store(stepped, 0, 1, 2)
    week = Week(stepped.storage, most_bytes=1)
    counts = []
    for _ in range(3):
        found = await week.look(NOW)
        counts.append((found.unread, [square.hour[-2:] for square in found.squares]))
    assert counts == [(2, ["14"]), (1, ["13", "14"]), (0, ["12", "13", "14"])]


async def test_figures_that_are_gone_are_no_square_any_more(stepped):
    await store(stepped, 0, 1)
    week = Week(stepped.storage)
    assert len((await week.look(NOW)).squares) == 2
    await stepped.storage.delete(objects.aggregated_key(Hour(HOUR - 1)))
    assert [square.hour for square in (await week.look(NOW)).squares] == ["2025-10-19T14"]


async def test_figures_without_a_certificate_and_damaged_ones_are_shown_as_such(stepped):
    await store(stepped, 0)
    for hour in (HOUR - 1, HOUR - 2):
        await stepped.storage.put(objects.aggregated_key(Hour(hour)), b"{}", overwrite=True)
    squares = (await Week(stepped.storage).look(NOW)).squares
    assert [square.state for square in squares] == ["uncertified", "uncertified", "open"]


@pytest.mark.parametrize("verb", ["list", "get"])
async def test_what_the_store_says_when_it_is_away_is_raised(stepped, verb):
    await store(stepped, 0)
    stepped.storage.failing = {verb}
    with pytest.raises(StoreUnavailableError, match=f"{verb} fails"):
        await Week(stepped.storage).look(NOW)


async def test_a_square_takes_little_room_on_its_way(stepped):
    await store(stepped, *range(20))
    found = await Week(stepped.storage).look(NOW)
    assert len(msgspec.json.encode(found)) < 20 * 80
