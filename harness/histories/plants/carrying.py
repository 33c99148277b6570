"""Defects on the way from a POST to the store, and back from where things were set aside."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from harness.histories.plants.planting import Plant, replacing
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.store import flush
from telemetry.domain.store.consume import Consumer
from telemetry.domain.store.flush import Flush, Held, NewObject
from telemetry.domain.store.held_back import HeldBack
from telemetry.domain.store.objects import RawFormat
from telemetry.domain.store.recover import Recovery
from telemetry.domain.store.refile import SkewedTree
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.transport.model import QueueModel
from telemetry.domain.transport.parcel import Parcel

_Async = Callable[..., Awaitable[Any]]


def _delete_before_write(write: _Async) -> _Async:
    async def planted(self: Any, under_way: Flush, new: NewObject) -> None:
        await self._queue.delete([each.delivery.handle for each in new.held])
        await write(self, under_way, new)

    return planted


def _answer_before_commit(send: _Async) -> _Async:
    async def planted(self: LingeringOutbox, parcels: Sequence[Parcel]) -> None:
        sending = asyncio.ensure_future(send(self, parcels))
        sending.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.sleep(0)

    return planted


def _ignore_failed_entries(hand_over: _Async) -> _Async:
    async def planted(self: LingeringOutbox, parcels: Sequence[Parcel]) -> set[int]:
        await hand_over(self, parcels)
        return set()

    return planted


def _do_nothing(_: _Async) -> _Async:
    async def planted(*_: object) -> None:
        pass

    return planted


def _wait_for_ever(receive: _Async) -> _Async:
    """Let a consumer that could not reach the queue once never ask it again."""

    async def planted(self: Consumer, patience_s: float) -> None:
        try:
            await receive(self, patience_s)
        except OutOfReachError:
            await asyncio.Event().wait()

    return planted


def _lease_what_is_leased(_: object) -> object:
    """Give everybody what somebody holds."""
    return lambda self, _: [each for each in self._messages.items() if not each[1].dead]


def _delete_what_failed(_: object) -> object:
    """Take what could not be put for durable."""
    return property(lambda self: [each.delivery.handle for new in self.objects for each in new.held])


def _forget_held_back(_: object) -> object:
    def planted(*_: object) -> None:
        pass

    return planted


def _drop_undecodable(plan: Callable[..., Any]) -> object:
    """Delete what cannot be decoded, and say nothing."""

    def planted(held: Sequence[Held], since_ms: int, raw_format: RawFormat) -> Any:
        for new in plan(held, since_ms, raw_format):
            yield new if new.key.startswith(("raw/", "skewed/")) else _elsewhere(new)

    return planted


def _elsewhere(new: NewObject) -> NewObject:
    return NewObject(f"trash/{new.key}", new.lines, new.held, new.since_ms)


def _remove_before_replay(_: _Async) -> _Async:
    async def planted(self: Any, name: str) -> bool:
        if name.startswith("queue/"):
            return not await self._queue.redrive([name.removeprefix("queue/")])
        bodies = [each.body for each in await self._quarantined(name)]
        await self._storage.delete(name)
        return not await self._queue.send(bodies)

    return planted


def _remove_before_refile(move: _Async) -> _Async:
    async def planted(self: SkewedTree, info: ObjectInfo, *rest: object) -> None:
        await self._storage.delete(info.key)
        await move(self, info, *rest)

    return planted


PLANTS: Final[dict[str, Plant]] = {
    "delete-before-write": replacing(Consumer, "write", _delete_before_write),
    "answer-before-commit": replacing(LingeringOutbox, "send", _answer_before_commit),
    "failed-entries-ignored": replacing(LingeringOutbox, "_hand_over", _ignore_failed_entries),
    "failed-puts-deleted": replacing(Flush, "handles", _delete_what_failed),
    "never-asks-again": replacing(Consumer, "receive", _wait_for_ever),
    "leases-ignored": replacing(QueueModel, "_ready", _lease_what_is_leased),
    "leases-not-renewed": replacing(Consumer, "renew", _do_nothing),
    "held-back-forgotten": replacing(HeldBack, "hold", _forget_held_back),
    "undecodable-dropped": replacing(flush, "plan", _drop_undecodable),
    "late-hours-not-noted": replacing(Consumer, "_note", _do_nothing),
    "replay-removes-first": replacing(Recovery, "_replay", _remove_before_replay),
    "refile-removes-first": replacing(SkewedTree, "_move", _remove_before_refile),
}
