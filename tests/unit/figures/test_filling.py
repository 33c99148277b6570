"""An hour that is being filled gets new figures when they are worth it, and lacks nothing for long."""

import pytest

from telemetry.domain.contract.moment import HOUR_MS, start_ms
from telemetry.domain.figures.filling import Filling, FillingTerms
from telemetry.domain.figures.find import Beside, Found
from telemetry.domain.figures.hour import Listing
from telemetry.domain.figures.inputs import Name
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.unit.figures.watching import SteppedAggregator

TERMS = FillingTerms(longest_ms=100_000, quiet_ms=5_000, small=0, worth=10)
FIGURES = 1000  # bytes
LOOK_MS = 10_000
START = start_ms(HOUR)


class World:
    """An hour with figures that an aggregator looks at every ten seconds."""

    def __init__(self, terms: FillingTerms = TERMS, figures: int = FIGURES, suffix: str = "") -> None:
        self.filling = Filling(terms)
        self.figures = figures
        self.suffix = suffix
        self.raw: list[ObjectInfo] = []
        self.built = Listing((), ())
        self.now_ms = START
        self.is_touched = False

    def look(self, *came: int) -> bool:
        """Let objects of so many bytes come, and look; return whether the hour was due, which builds it."""
        for size in came:
            self.raw.append(ObjectInfo(f"raw/{len(self.raw)}.jsonl{self.suffix}", size, self.now_ms))
        self.now_ms += LOOK_MS
        is_due = self.filling.is_due(self.found(), self.now_ms)
        if is_due:
            self.built, self.is_touched = self.listing, False
        return is_due

    @property
    def listing(self) -> Listing:
        return Listing(tuple(self.raw), ())

    def found(self) -> Found:
        stored = ObjectInfo(objects.aggregated_key(HOUR), self.figures + self.is_touched, START)
        name = Name(self.built.digest, self.figures)
        beside = Beside(ObjectInfo(name.key(HOUR), 1, START), name)
        return Found(HOUR, self.listing, stored, [beside])


def test_an_hour_of_which_nothing_is_known_is_due_if_it_is_not_current():
    assert not World().look()
    assert World().look(1)


def test_figures_wait_for_what_costs_more_than_they_do():
    world = World()
    world.look(1)
    assert [world.look(2_500) for _ in range(8)] == [False, False, False, True, False, False, False, True]


def test_what_waits_is_read_in_a_moment_however_large_the_figures_are():
    world = World(FillingTerms(small=0, most=5_000), figures=10**9)
    world.look(1)
    assert [world.look(2_500) for _ in range(4)] == [False, True, False, True]


def test_small_figures_are_made_at_every_look():
    world = World(FillingTerms(small=FIGURES))
    assert all(world.look(1) for _ in range(5))
    world = World(FillingTerms(small=FIGURES - 1))
    assert [world.look(1) for _ in range(3)] == [True, False, False]


def test_an_hour_is_due_once_nothing_has_come_for_a_while():
    world = World()
    assert [world.look(1), world.look(1), world.look(), world.look()] == [True, False, True, False]


def test_two_looks_at_once_do_not_mean_that_nothing_comes():
    world = World()
    world.look(1)
    world.look(1)
    world.now_ms -= LOOK_MS
    assert not world.look()
    assert world.look()


def test_nothing_lacks_for_longer_than_it_may():
    world = World()
    world.look(1)
    assert [world.look(1) for _ in range(22)] == [*([False] * 10), True, *([False] * 10), True]


def test_without_an_age_every_look_makes_figures():
    world = World(FillingTerms(longest_ms=0, small=0))
    assert all(world.look(1) for _ in range(3))


def test_an_hour_that_is_over_is_due():
    world = World()
    world.look(1)
    world.now_ms = START + HOUR_MS - LOOK_MS
    assert world.look(1)
    assert not world.look()
    assert world.look(1)


def test_an_hour_that_lost_an_object_is_due():
    world = World()
    world.look(1, 2)
    world.look(1)
    del world.raw[0]
    del world.raw[0]
    assert world.look()


def test_figures_that_were_touched_are_made_anew_at_once():
    world = World()
    world.look(1)
    world.is_touched = True
    assert world.look(1)


def test_figures_that_could_not_be_made_are_due_again():
    world = World()
    world.look(1)
    world.filling.forget(HOUR)
    assert world.look(1)


def test_a_clock_that_jumps_back_keeps_nothing_waiting():
    world = World()
    world.look(1)
    world.look(1)
    world.now_ms -= 1_000_000
    assert world.look(1)


def test_compressed_lines_count_as_what_they_become():
    world = World(suffix=".zst")
    world.look(1)
    assert [world.look(500) for _ in range(4)] == [False, True, False, True]


@pytest.fixture
def stepped() -> SteppedAggregator:
    return SteppedAggregator(filling=FillingTerms(small=0, worth=10**6))


async def test_what_came_is_read_only_when_figures_are_made_and_nothing_is_lost_by_a_restart(stepped):
    await put_batch(stepped.storage, a_record())
    assert await stepped.take_built() == [HOUR]
    for number in range(1, 4):
        stepped.clock.advance(1)
        await put_batch(stepped.storage, a_record(timestamp_ms=NOW + number))
        stepped.storage.got.clear()
        assert await stepped.take_built() == []
        assert stepped.storage.got == []
    stepped.restart()
    assert await stepped.take_built() == [HOUR]
    figures = await stepped.figures(HOUR)
    assert figures
    assert figures.unique == 4


async def test_an_hour_whose_figures_fail_is_tried_again_though_more_comes(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 1))
    await stepped.turns()
    stepped.clock.advance(10)
    stepped.storage.broken = "aggregated"
    assert await stepped.take_built() == []
    stepped.storage.broken = "nothing"
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 2))
    assert await stepped.take_built() == [HOUR]
