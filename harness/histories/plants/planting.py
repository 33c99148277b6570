"""How a defect is planted."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

Plant = Callable[[], AbstractContextManager[object]]
"""Makes a context in which the product has a defect."""


def replacing(owner: object, name: str, made: Callable[[Any], Any]) -> Plant:
    """Replace a method by what `made` makes of it."""
    return lambda: patch.object(owner, name, made(getattr(owner, name)))
