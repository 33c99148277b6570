"""Five packs for the tests of the battery."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from telemetry.domain.vehicle.battery.pack import Packs, PackState
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.variance import draw_packs, draw_start
from telemetry.domain.vehicle.battery.variants import I3_60AH


@pytest.fixture(scope="session")
def packs() -> Packs:
    """Five packs, no two cells alike."""
    return draw_packs(I3_60AH, 5, np.random.default_rng(1))


@pytest.fixture(scope="session")
def at_rest(packs: Packs) -> PackState:
    """The five packs, half full and long at rest."""
    state = draw_start(packs, np.random.default_rng(2))
    return replace(state, soc=state.soc - state.soc.mean(axis=1, keepdims=True) + 50.0)


@pytest.fixture(scope="session")
def amperes(packs: Packs) -> Callable[[float], Floats]:
    """The same current for each of the five packs."""
    return lambda current: np.full(len(packs.capacity), current)
