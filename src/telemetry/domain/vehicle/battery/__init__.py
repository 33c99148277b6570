"""A seeded fleet of battery packs, stepped by hand: a `Fleet` makes a `Sample` of all its vehicles a step."""

from telemetry.domain.vehicle.battery.fleet import Fleet, Sample
from telemetry.domain.vehicle.battery.scenario import Scenario

__all__ = ["Fleet", "Sample", "Scenario"]
