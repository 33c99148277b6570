"""Queue and store as a process reaches them: over a wire that takes time, fails, and is written down.

What stands at the other end are the real memory adapters. A call arrives after a while, has its effect at
once, and is answered after another while. So who is killed or given up in between has its effect or not. A
receive asks again when messages arrive, because those who wait at the other end would share a lock with the
dead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from harness.histories.faults import chosen
from harness.histories.loop import Process
from harness.histories.options import Mode
from telemetry.domain.store.storage import ObjectInfo, StoreUnavailableError
from telemetry.domain.transport.lease import Delivery, Depth
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.queue import QueueUnavailableError

if TYPE_CHECKING:
    from harness.histories.world import World

R = TypeVar("R")

_CHANGING: Final = frozenset(("send", "receive", "delete", "extend", "acquit", "put", "remove", "redrive"))
"""Verbs whose answers travel too, since it matters whether they come."""


class _Wire:
    """One process's way to the other end."""

    refusal: type[Exception]

    def __init__(self, world: "World", process: Process) -> None:
        self._world = world
        self._process = process

    async def _call(self, verb: str, what: object, effect: Callable[[Mode], Awaitable[R]]) -> R:
        """Let a call arrive, have its effect, and be answered; or not."""
        world, role = self._world, self._process.role
        mode, delay_s = world.faults.of(role, verb, world.loop.time())
        if mode:
            self._disturbed(delay_s)
        await self._travel(delay_s)
        if mode == "refuse":
            world.note(role, verb, mode, what)
            raise self.refusal(f"{verb} is refused")
        found = await effect(mode)
        world.note(role, verb, mode, what)
        if verb in _CHANGING:
            await self._travel(0.0)
        if mode == "lose":
            raise self.refusal(f"the answer to {verb} is lost")
        return found

    def _disturbed(self, delay_s: float) -> None:
        """Note that a call does not go as it should."""

    async def _travel(self, delay_s: float) -> None:
        if self._world.loop.is_over:
            raise asyncio.CancelledError
        latency_s = self._world.options.latency_s
        if latency_s:
            delay_s += latency_s * self._world.random.random()
        await self._world.loop.sleep(delay_s)


class WireQueue(_Wire):
    """The queue."""

    refusal = QueueUnavailableError

    def _disturbed(self, delay_s: float) -> None:
        self._world.leases.disturbed(self._process.role, for_s=delay_s)

    @property
    def max_body(self) -> int:
        return self._world.options.max_body

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        async def effect(mode: Mode) -> Sequence[int]:
            failed = self._failed(mode, bodies)
            kept = [body for place, body in enumerate(bodies) if place not in failed]
            kept *= 1 + (mode == "double")
            await self._world.queue.send(kept[::-1] if mode == "reorder" else kept)
            self._world.arrived()
            return sorted(failed)

        return await self._call("send", [*map(len, bodies)], effect)

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        async def effect(mode: Mode) -> Sequence[Delivery]:
            found = list(await self._world.queue.receive(1 if mode == "part" else limit, 0))
            if mode == "reorder":
                self._world.random.shuffle(found)
            self._world.leases.received(self._process, found)
            if mode == "lose":  # so that it does not know what it holds
                self._world.leases.ended([each.handle for each in found])
            return found

        found = await self._call("receive", limit, effect)
        if not found and wait_s and await self._world.arrival(wait_s):
            found = await self._call("receive", limit, effect)
        return found

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        async def effect(mode: Mode) -> Sequence[str]:
            failed = self._failed(mode, handles)
            asked = [handle for place, handle in enumerate(handles) if place not in failed]
            refused = await self._world.queue.delete(asked)
            self._world.leases.ended(handles)
            return [*refused, *(handles[place] for place in failed)]

        return await self._call("delete", handles, effect)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        async def effect(mode: Mode) -> Sequence[str]:
            failed = [handles[place] for place in self._failed(mode, handles)]
            asked = [handle for handle in handles if handle not in failed]
            refused = await self._world.queue.extend(asked, duration_s)
            self._world.leases.extended(set(asked).difference(refused), duration_s)
            self._world.leases.ended([*refused, *failed] if duration_s else handles)
            return [*refused, *failed]

        return await self._call("extend", handles, effect)

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._call("acquit", handles, lambda _: self._world.queue.acquit(handles))

    async def depth(self) -> Depth:
        return await self._world.queue.depth()

    async def oldest_ms(self) -> int | None:
        return await self._world.queue.oldest_ms()

    async def outlook(self) -> Outlook:
        async def effect(_: Mode) -> Outlook:
            self._world.laws.asked(self._process)
            return await self._world.queue.outlook()

        return await self._call("outlook", "", effect)

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return await self._call("dead", limit, lambda _: self._world.queue.dead(limit))

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        async def effect(mode: Mode) -> Sequence[str]:
            failed = [handles[place] for place in self._failed(mode, handles)]
            refused = await self._world.queue.redrive([each for each in handles if each not in failed])
            return [*refused, *failed]

        return await self._call("redrive", handles, effect)

    async def close(self) -> None:
        pass

    def _failed(self, mode: Mode, entries: Sequence[object]) -> Sequence[int]:
        return chosen(len(entries), self._world.random.random()) if mode == "part" else ()


class WireStorage(_Wire):
    """The store."""

    refusal = StoreUnavailableError

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        async def effect(_: Mode) -> None:
            await self._world.storage.put(key, data, overwrite=overwrite)
            self._world.laws.put(self._process, key, data)

        await self._call("put", key, effect)

    async def get(self, key: str) -> bytes:
        return await self._call("get", key, lambda _: self._world.storage.get(key))

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        return await self._call("list", prefix, lambda _: self._world.storage.list(prefix))

    async def folders(self, prefix: str) -> Sequence[str]:
        return await self._call("folders", prefix, lambda _: self._world.storage.folders(prefix))

    async def delete(self, key: str) -> None:
        async def effect(_: Mode) -> None:
            self._world.laws.lake.removing(key)
            await self._world.storage.delete(key)

        await self._call("remove", key, effect)

    async def close(self) -> None:
        pass
