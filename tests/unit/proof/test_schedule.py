"""One seed gives one order of faults, and each round has every kind, and those again that come more often."""

from itertools import islice

import numpy as np
import pytest

from telemetry.domain.proof import schedule
from telemetry.domain.proof.schedule import Planned

KINDS = ("kill", "stop", "freeze", "lock")
TIMES = dict.fromkeys(KINDS, 1)


def planned(seed: int, number: int) -> list[Planned]:
    return list(islice(schedule.plan(TIMES, np.random.default_rng(seed)), number))


def test_the_same_seed_gives_the_same_order_and_another_another():
    assert planned(1, 40) == planned(1, 40)
    assert planned(1, 40) != planned(2, 40)


def test_each_round_has_every_kind_once_and_rounds_differ():
    kinds = [each.kind for each in planned(3, 12)]
    rounds = [kinds[start : start + 4] for start in (0, 4, 8)]
    assert all(sorted(each) == sorted(KINDS) for each in rounds)
    assert rounds[0] != rounds[1] or rounds[1] != rounds[2]


def test_kinds_that_come_more_often_come_again_once_every_kind_was_there():
    plan = schedule.plan({**TIMES, "kill": 3, "stop": 2}, np.random.default_rng(3))
    kinds = [each.kind for each in islice(plan, 14)]
    for start in (0, 7):
        assert sorted(kinds[start : start + 4]) == sorted(KINDS)
        assert sorted(kinds[start + 4 : start + 7]) == ["kill", "kill", "stop"]


def test_pauses_and_shares_are_within_their_bounds():
    assert all(0 <= each.pause_s < 1 and 0 <= each.share < 1 for each in planned(4, 100))


def test_a_schedule_of_no_kind_is_refused():
    with pytest.raises(ValueError, match="there is no kind of fault"):
        next(schedule.plan({}, np.random.default_rng(1)))
