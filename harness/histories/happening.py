"""What happens to a world from outside: each kind of event is a method here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from harness.histories.clients import Clients
from harness.histories.options import Event
from harness.histories.roles import Operator
from harness.histories.world import World

_UNCOUNTED: Final = frozenset({"post", "foreign", "fault", "kill"})
"""Events that are no faults, or faults that count only once a call or a process meets them."""


class Happening:
    """Lets events happen."""

    def __init__(self, world: World, clients: Clients) -> None:
        self._world = world
        self._clients = clients
        self._kinds: Mapping[str, Callable[[Event], Awaitable[bool | None]]] = {
            "post": self._post,
            "foreign": self._foreign,
            "poison": self._poison,
            "fault": self._fault,
            "away": self._away,
            "kill": self._kill,
            "stop": self._stop,
            "freeze": self._freeze,
            "sleep": self._sleep,
            "jump": self._jump,
            "evict": self._evict,
            "replay": self._replay,
            "refile": self._refile,
            "set aside": self._set_aside,
            "doom": self._doom,
        }

    async def happen(self, event: Event) -> None:
        """Let an event happen now, and count it if there is anybody to whom it happens."""
        self._world.note("history", event.kind, event.mode, event.role)
        has_happened = await self._kinds[event.kind](event)
        if has_happened is not False and event.kind not in _UNCOUNTED:
            self._world.counts[event.kind] += 1

    def refile(self, offset_s: float) -> bool:
        """Have skewed records judged again, as if received so much later; return whether an operator does."""
        return self._world.command(lambda made: made.refile(offset_s))

    async def _post(self, event: Event) -> None:
        self._world.loop.create_task(self._clients.post(event.records))

    async def _foreign(self, event: Event) -> None:
        await self._clients.produce(event.records)

    async def _poison(self, event: Event) -> None:
        await self._clients.poison(event.body.encode())

    async def _fault(self, event: Event) -> None:
        self._world.faults.arm(event)

    async def _away(self, event: Event) -> None:
        self._world.faults.take_away(event.verb, self._world.loop.time() + event.amount)

    async def _kill(self, event: Event) -> None:
        self._world.loop.after(event.count, lambda: self._kill_now(event.role))

    def _kill_now(self, role: str) -> None:
        self._world.counts["kill"] += self._world.kill(role)

    async def _stop(self, event: Event) -> bool:
        return self._world.stop(event.role)

    async def _freeze(self, event: Event) -> bool:
        return self._world.freeze(event.role, event.amount)

    async def _sleep(self, event: Event) -> None:
        self._world.sleep(event.amount)

    async def _jump(self, event: Event) -> None:
        self._world.jumped_s[event.role] += event.amount

    async def _evict(self, _: Event) -> None:
        self._world.evict()

    async def _replay(self, _: Event) -> bool:
        return self._world.command(Operator.replay)

    async def _refile(self, event: Event) -> bool:
        return self.refile(event.amount)

    async def _set_aside(self, _: Event) -> bool:
        return self._world.command(Operator.set_aside)

    async def _doom(self, event: Event) -> None:
        """Let as many processes die with a message as it takes to make it a dead letter."""
        for _ in range(max(event.count, self._world.options.max_receives)):
            self._world.leases.leased(await self._world.queue.receive(1, 0))
            self._world.sleep(self._world.options.visibility_s)
