"""Defects in how hours are compacted."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import numpy as np

from harness.histories.plants.planting import Plant, replacing
from telemetry.domain.figures import copies
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake.intake import Intake
from telemetry.domain.store.storage import ObjectInfo

_Async = Callable[..., Awaitable[Any]]


def _forget_the_manifest_before(take: _Async) -> _Async:
    async def planted(self: Intake, raw: Sequence[ObjectInfo], _: object) -> None:
        await take(self, raw, ())

    return planted


def _leave_copies_out(split: Callable[[Columns], tuple[Columns, Columns]]) -> object:
    def planted(columns: Columns) -> tuple[Columns, Columns]:
        counting, rest = split(columns)
        return counting, rest.take(np.arange(0))

    return planted


PLANTS: Final[dict[str, Plant]] = {
    "manifest-before-forgotten": replacing(Intake, "take", _forget_the_manifest_before),
    "copies-left-out": replacing(copies, "split", _leave_copies_out),
}
