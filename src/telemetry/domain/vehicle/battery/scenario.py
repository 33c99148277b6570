"""A fleet and what it does: everything about a simulation except its size and its seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from telemetry.domain.vehicle.battery.itinerary import PROFILES
from telemetry.domain.vehicle.battery.trace import Trace
from telemetry.domain.vehicle.battery.variants import VARIANTS


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet by its variants and their weights, its health, its weather and its days."""

    variants: Mapping[str, float] = field(default_factory=lambda: {"i3-60ah": 1.0})  # any weights above 0
    profile: str = "drive"
    ambient: float | None = None  # degC around all vehicles; without it each has its own, -1 to 33
    health: float = 1.0  # share of its capacity that each pack has left
    trace: Trace | None = None  # driven instead of the profile

    def __post_init__(self) -> None:
        """Raise ValueError if there is no such variant or profile, or a figure is outside its range."""
        for name, weight in self.variants.items():
            if name not in VARIANTS:
                raise ValueError(f"there is no variant {name}; there are {', '.join(VARIANTS)}")
            if not 0.0 < weight < math.inf:
                raise ValueError(f"the weight of {name} is {weight:g}, expected more than 0")
        if not self.variants:
            raise ValueError("a fleet needs a variant")
        if self.profile not in PROFILES:
            raise ValueError(f"there is no profile {self.profile}; there are {', '.join(PROFILES)}")
        if not 0.5 <= self.health <= 1.0:  # noqa: PLR2004  # the model knows no more worn pack
            raise ValueError(f"the state of health is {self.health:g}, expected 0.5 to 1")
        if self.ambient is not None and not -30.0 <= self.ambient <= 50.0:  # noqa: PLR2004  # weather on Earth
            raise ValueError(f"the ambient temperature is {self.ambient:g}, expected -30 to 50 degC")
