"""Defects that can be planted into the product, to show that histories find such a fault.

A plant replaces one method by one that breaks a promise, for as long as a context lasts.
"""

from collections.abc import Mapping
from typing import Final

from harness.histories.plants import carrying, compacting, counting
from harness.histories.plants.planting import Plant

PLANTS: Final[Mapping[str, Plant]] = carrying.PLANTS | counting.PLANTS | compacting.PLANTS
"""All plants by name."""

__all__ = ["PLANTS", "Plant"]
