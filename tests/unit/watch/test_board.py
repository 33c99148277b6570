"""What the live page is sent: parts that change with what they show, and say what cannot be read."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_hour
from telemetry.domain.figures.report import Line
from telemetry.domain.store import objects
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.watch import triggers, vitals
from telemetry.domain.watch.board import MOST_NAMES, MOST_ODD, STORE_EVERY_MS, Board
from telemetry.domain.watch.triggers import Measured, Trigger
from telemetry.domain.watch.vitals import Vitals
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.figures.watching import SteppedAggregator


class SteppedBoard(SteppedAggregator):
    """A board over the store of an aggregator; each look is as much later as it says."""

    def __init__(self) -> None:
        clock = ManualClock(NOW)
        super().__init__(FailingStorage(clock), clock, FailingQueue(clock))
        self.board = Board(self.storage, self, self, "here/aggregated")
        self.weighed: list[str] = []

    async def read(self) -> Vitals:
        return vitals.judge(vitals.Reading(missing=["consumer"]), self.clock.wall_ms())

    async def weigh(self, day: Sequence[Line]) -> Sequence[Trigger]:
        self.weighed = [line.hour[:13] for line in day]
        return list(triggers.check(Measured(duplicates_share=triggers.duplicates_share(day))))

    async def look(self, later_ms: int = 0) -> dict[str, Any]:
        self.clock.advance(later_ms / 1000)
        parts = await self.board.look(self.clock.wall_ms())
        return {name: msgspec.json.decode(part) for name, part in parts.items()}


@pytest.fixture
async def stepped() -> SteppedBoard:
    made = SteppedBoard()
    await put_batch(made.storage, a_record())
    await made.turns()
    return made


async def test_the_six_numbers_are_read_at_each_look(stepped):
    first, second = await stepped.look(), await stepped.look(1)
    assert [each["title"] for each in first["numbers"]["numbers"]] == list(vitals.TITLES.values())
    assert first["numbers"]["numbers"][0]["vital"]["help"] == "telemetry consumer"
    assert second["numbers"]["at"] > first["numbers"]["at"]


async def test_the_store_is_looked_at_once_in_a_while(stepped):
    await stepped.look()
    listed = len(stepped.storage.listed)
    await stepped.look(STORE_EVERY_MS - 1)
    assert len(stepped.storage.listed) == listed
    await stepped.look(1)
    assert len(stepped.storage.listed) > listed


async def test_the_store_is_looked_at_after_the_clock_went_back(stepped):
    await stepped.look()
    listed = len(stepped.storage.listed)
    stepped.clock.jump(-3600)
    await stepped.look()
    assert len(stepped.storage.listed) > listed


async def test_hours_that_are_left_are_read_at_the_next_look(stepped):
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW - HOUR_MS, received_ms=NOW - HOUR_MS))
    await stepped.turns()
    stepped.board._week._most_bytes = 1
    assert [(await stepped.look(1))["hours"]["hours"]["unread"] for _ in range(2)] == [1, 0]


async def test_hours_and_fleet_agree_with_the_figures(stepped):
    shown = await stepped.look()
    figures = await stepped.figures(HOUR)
    assert shown["hours"]["where"] == "here/aggregated"
    (square,) = shown["hours"]["hours"]["squares"]
    assert square[:5] == ["2025-10-19T14", "open", 1, figures.unique, len(figures.vehicles)]
    assert shown["fleet"]["fleet"]["known"] == len(figures.vehicles)


async def test_the_newest_figures_are_summed_up_again_only_if_they_are_others(stepped):
    await stepped.look()
    key = objects.aggregated_key(HOUR)
    assert stepped.storage.got.count(key) >= 2
    before = stepped.storage.got.count(key)
    await stepped.look(STORE_EVERY_MS)
    assert stepped.storage.got.count(key) == before
    await put_batch(stepped.storage, a_record(vehicle_id="another"))
    await stepped.turns()
    assert (await stepped.look(STORE_EVERY_MS))["fleet"]["fleet"]["known"] == 2


async def test_a_store_that_is_away_says_so_beside_what_was_read_before(stepped):
    before = await stepped.look()
    stepped.storage.failing = {"list"}
    shown = await stepped.look(STORE_EVERY_MS)
    for part in ("hours", "fleet"):
        assert shown[part]["fault"] == "list fails"
        assert shown[part][part] == before[part][part]
    assert len(shown["numbers"]["numbers"]) == 6
    stepped.storage.failing = ()
    shown = await stepped.look(STORE_EVERY_MS)
    assert (shown["hours"]["fault"], shown["fleet"]["fault"]) == ("", "")


async def test_newest_figures_that_are_damaged_or_gone_cost_no_other_part(stepped):
    key = objects.aggregated_key(Hour(HOUR - 1))
    await stepped.storage.put(key, b"{")
    shown = await stepped.look()
    assert shown["fleet"]["fault"].startswith("the newest figures cannot be read: ")
    assert len(shown["hours"]["hours"]["squares"]) == 2
    assert (await stepped.look(STORE_EVERY_MS))["fleet"]["fault"] != ""
    await stepped.storage.delete(key)
    assert (await stepped.look(STORE_EVERY_MS))["fleet"]["fault"] == ""


async def test_of_an_hour_all_is_told_and_its_vehicles_are_named(stepped):
    assert await stepped.board.detail(Hour(HOUR - 5)) is None
    known = msgspec.json.decode(await stepped.board.detail(HOUR))
    assert known["report"]["line"]["unique"] == 1
    assert known["vehicles"] == ["veh-00123"]


async def test_what_is_told_of_an_hour_is_bounded(stepped):
    many = [f"v{n:04d}" for n in range(MOST_NAMES + 20)]
    for second in (0, 1, 2, 60):
        ms = NOW - HOUR_MS + second * 1000
        await put_batch(
            stepped.storage, *(a_record(timestamp_ms=ms, received_ms=ms, vehicle_id=each) for each in many)
        )
    await stepped.turns()
    await put_batch(stepped.storage, a_record(can_id="0x2"))  # so that its hour is built after the one before
    await stepped.turns()
    (absent, with_gaps) = [
        msgspec.json.decode(await stepped.board.detail(Hour(hour))) for hour in (HOUR, HOUR - 1)
    ]
    assert len(with_gaps["vehicles"]) == MOST_NAMES
    assert len(with_gaps["report"]["with_gaps"]) == MOST_ODD
    assert len(absent["report"]["absent"]) == MOST_ODD
    assert with_gaps["report"]["line"]["vehicles"] == len(many)


async def test_a_store_that_is_away_cannot_tell_of_an_hour(stepped):
    stepped.storage.failing = {"get"}
    with pytest.raises(StoreUnavailableError):
        await stepped.board.detail(HOUR)


async def test_figures_that_are_removed_while_they_are_read_are_none(stepped):
    class Removed(FailingStorage):
        async def get(self, key: str) -> bytes:
            content = await super().get(key)
            await self.delete(key)
            return content

    key = objects.aggregated_key(HOUR)
    removed = Removed(stepped.clock)
    await removed.put(key, await stepped.storage.get(key))
    assert await Board(removed, stepped, stepped, "here").detail(HOUR) is None
    await removed.put(key, await stepped.storage.get(key))
    parts = await Board(removed, stepped, stepped, "here").look(NOW)
    assert msgspec.json.decode(parts["fleet"])["fleet"]["known"] == 0


async def test_the_triggers_are_weighed_by_the_hours_of_the_last_day_that_are_over(stepped):
    for back in (1, 24, 25):
        ms = NOW - back * HOUR_MS
        same = a_record(timestamp_ms=ms, received_ms=ms)
        await put_batch(stepped.storage, same)
        await put_batch(stepped.storage, same, now=NOW + 1)
    stepped.restart()  # because one that runs on looks at old hours only if they are noted
    await stepped.turns()
    shown = (await stepped.look())["triggers"]["triggers"]
    # Nothing came in most of these hours, which have figures all the same.
    assert stepped.weighed == [format_hour(Hour(HOUR - back)) for back in range(24, 0, -1)]
    fires = {each["name"]: each["fires"] for each in shown}
    assert fires["duplicates"]
    assert not fires["oldest message"]
