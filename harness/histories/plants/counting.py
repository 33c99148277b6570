"""Defects on the way from objects to figures and their certificates."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import numpy as np

from harness.histories.plants.planting import Plant, replacing
from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures import copies, packed
from telemetry.domain.figures.archive import Archive
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.copies import Unique
from telemetry.domain.figures.evidence import Evidence, Inquiry
from telemetry.domain.figures.find import Found
from telemetry.domain.figures.fold import Fold, Folded, Task
from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.skewed import SkewedCounter
from telemetry.domain.transport.lease import Depth

_Async = Callable[..., Awaitable[Any]]


def _count_every_copy(_: object) -> object:
    def planted(columns: Columns) -> Unique:
        nothing = np.zeros(len(columns.streams), np.int64)
        return Unique(columns, nothing, nothing)

    return planted


def _choose_by_arrival(choose: Callable[[Columns], Any]) -> object:
    """Let the copy count that was read first, whenever it was received."""
    return lambda found: choose(msgspec.structs.replace(found, received=np.arange(found.size)))


def _trust_the_cache(call: _Async) -> _Async:
    """Take what was computed once for what there is."""

    async def planted(self: Any, task: Task) -> Any:
        name = f"{task.hour}/state-{packed.VERSION}-{self._limits.names}-{task.place}"
        before = await self._state(name)
        return Folded(before, {}, {}) if before.objects else await call(self, task)

    return planted


def _forget_nothing(_: object) -> object:
    return lambda *_: None


def _ignore(kind: str) -> Callable[[Callable[..., Any]], object]:
    """Let the queue's messages of a kind hold no hour back."""

    def made(of_hour: Callable[..., Any]) -> object:
        def planted(self: Evidence, hour: Hour, *rest: Any, **more: Any) -> Any:
            depth = self.queue.hours.get(hour, Depth(0, 0, 0))
            hours = {**self.queue.hours, hour: msgspec.structs.replace(depth, **{kind: 0})}
            queue = msgspec.structs.replace(self.queue, hours=hours)
            return of_hour(msgspec.structs.replace(self, queue=queue), hour, *rest, **more)

        return planted

    return made


def _see_no_quarantine(_: _Async) -> _Async:
    async def planted(_: Inquiry) -> dict[str, Any]:
        return {}

    return planted


def _ask_after_listing(certified: _Async) -> _Async:
    """Find out what is on its way only when the objects have been listed."""

    async def planted(self: Certifier, hour: Hour, aggregated: Aggregated, unread: int = 0) -> Aggregated:
        await self.look()
        made: Aggregated = await certified(self, hour, aggregated, unread)
        return made

    return planted


def _leave_the_marker(_: _Async) -> _Async:
    async def planted(*_: object) -> None:
        pass

    return planted


def _current_once_built(_: object) -> object:
    """Take figures that are there for those of what is there."""
    return property(lambda self: self.figures is not None or not any(self.listing))


PLANTS: Final[dict[str, Plant]] = {
    "copies-counted": replacing(copies, "unique", _count_every_copy),
    "first-copy-by-arrival": replacing(copies, "_choose", _choose_by_arrival),
    "cache-not-invalidated": replacing(Fold, "__call__", _trust_the_cache),
    "late-data-not-built": replacing(Found, "is_current", _current_once_built),
    "skewed-not-counted-again": replacing(SkewedCounter, "changed", _forget_nothing),
    "complete-while-ready": replacing(Evidence, "of_hour", _ignore("ready")),
    "complete-while-leased": replacing(Evidence, "of_hour", _ignore("leased")),
    "complete-while-dead": replacing(Evidence, "of_hour", _ignore("dead")),
    "complete-while-quarantined": replacing(Inquiry, "_look_at_quarantine", _see_no_quarantine),
    "asked-after-listing": replacing(Certifier, "certified", _ask_after_listing),
    "marker-left": replacing(Archive, "_unmark", _leave_the_marker),
}
