"""What the drivers ask of their packs: a current per vehicle, as it stands, speeds up, cruises, slows and charges.

A vehicle stays in a mode for a drawn time and aims at a drawn current; the pack's current follows with
first-order dynamics and a wobble (an Ornstein-Uhlenbeck process, discretised exactly). The levels are chosen so
that the quantiles of the current come near those of 59 real trips (TUM BMW i3 60 Ah, IEEE DataPort 2020, doi
10.21227/6jr9-5235); the idle current of -3.7 A is theirs.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from telemetry.domain.battery.parameters import Floats


class Mode(IntEnum):
    """What a vehicle is doing; the value is its row in the tables below."""

    STAND = 0
    ACCELERATE = 1
    CRUISE = 2
    RECUPERATE = 3
    CHARGE = 4


Modes: TypeAlias = npt.NDArray[np.int64]

# A: the current aimed at is the level plus the reach times a standard exponential draw, for the trips' long tails
LEVEL: Final = np.array([-3.7, -14.0, -8.0, 2.0, 30.0])
REACH: Final = np.array([0.0, -52.0, -9.0, 27.0, 20.0])
# A: standard deviation of the wobble around it
WOBBLE: Final = np.array([0.1, 6.0, 5.0, 3.0, 0.1])
# s: a mode lasts half to one and a half times as long
DURATION: Final = np.array([9.0, 4.0, 9.0, 4.0, 1200.0])
# the chance of each mode (column) after each (row)
NEXT: Final = np.array(
    [
        [0.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.75, 0.25, 0.0],
        [0.0, 0.45, 0.0, 0.55, 0.0],
        [0.3, 0.35, 0.35, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
# the last column is left out, so that rounding in the sum cannot lead past it
_THRESHOLDS: Final = NEXT.cumsum(axis=1)[:, :-1]
# s: how fast the current follows the pedal
RESPONSE: Final = 1.0
# %: a standing vehicle below the first plugs in, a charging one above the second unplugs
LOW_SOC: Final = 25.0
CHARGED_SOC: Final = 80.0


@dataclass(frozen=True, slots=True, eq=False)
class DriveState:
    """Where n vehicles are in their drive."""

    mode: Modes  # (n,)
    remaining: Floats  # (n,), s until the mode ends
    target: Floats  # (n,), A
    current: Floats  # (n,), A, negative when discharging


def start(vehicles: int, rng: np.random.Generator) -> DriveState:
    """Let all vehicles stand at idle current, each to leave at its own time."""
    idle = np.full(vehicles, LEVEL[Mode.STAND])
    return DriveState(
        mode=np.full(vehicles, Mode.STAND, dtype=np.int64),
        remaining=rng.uniform(0.0, DURATION[Mode.STAND], vehicles),
        target=idle,
        current=idle,
    )


def advance(
    state: DriveState, soc: Floats, limits: tuple[Floats, Floats], dt_s: float, rng: np.random.Generator
) -> DriveState:
    """Return the drive `dt_s` > 0 seconds on, its current clipped to `limits`.

    `soc` is each pack's mean, (n,) in %; `limits` are the lowest and the highest current, each (n,) in A. A mode
    ends at most once in a step, so steps are to be shorter than a mode.
    """
    mode, remaining, target = _switch(state, soc, dt_s, rng)
    remains = math.exp(-dt_s / RESPONSE)
    current = target + remains * (state.current - target)
    current += math.sqrt(1.0 - remains**2) * WOBBLE[mode] * rng.standard_normal(len(mode))
    return DriveState(mode, remaining, target, np.clip(current, *limits, out=current))


def _switch(
    state: DriveState, soc: Floats, dt_s: float, rng: np.random.Generator
) -> tuple[Modes, Floats, Floats]:
    """Return mode, remaining time and target, newly drawn for the vehicles whose mode has ended."""
    mode, remaining, target = state.mode.copy(), state.remaining - dt_s, state.target.copy()
    charged = (mode == Mode.CHARGE) & (soc >= CHARGED_SOC)
    due = np.flatnonzero((remaining <= 0.0) | charged)
    drawn = _draw_next(mode[due], soc[due], rng)
    mode[due] = drawn
    remaining[due] = DURATION[drawn] * rng.uniform(0.5, 1.5, due.size)
    target[due] = LEVEL[drawn] + REACH[drawn] * rng.standard_exponential(due.size)
    return mode, remaining, target


def _draw_next(mode: Modes, soc: Floats, rng: np.random.Generator) -> Modes:
    """Draw the mode that follows each; who stands with a low SoC charges."""
    chance = rng.random((mode.size, 1))
    drawn = (chance >= _THRESHOLDS[mode]).sum(axis=1)
    return np.where((mode == Mode.STAND) & (soc < LOW_SOC), Mode.CHARGE, drawn)
