"""Run a history: first its events, under which nothing may be lost, then its end, by which all arrives."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from harness.histories.clients import Clients
from harness.histories.happening import Happening
from harness.histories.laws import EQUAL, LATENESS_MS, BrokenError
from harness.histories.loop import StuckError
from harness.histories.options import HOUR_MS, History
from harness.histories.outcome import Outcome
from harness.histories.roles import SHUTDOWN_S, ConsumerRole, Operator
from harness.histories.world import CONSUMERS, OPERATOR, World
from telemetry.domain.store import quarantine
from telemetry.domain.store.objects import QUARANTINE

DRAINED_S: Final = 600.0
"""Virtual seconds after the last fault by which the queue is empty and each client is answered."""

TURNED_S: Final = 120.0
"""Virtual seconds in which each role that waits for nothing asks again whether there is something to do."""

ENDED_S: Final = SHUTDOWN_S + 10.0
"""Virtual seconds in which a role ends that is told to."""

SETTLED_S: Final = 900.0
"""Virtual seconds after that by which figures are current, and later all hours complete."""

SURVEYED_S: Final = 3 * 24 * 3600.0
"""The same if clocks were wrong: what is missed then is found by the daily comparison of everything."""

_LOOK_S: Final = 1.0
_LOOKED_S: Final = 60.0  # in which every aggregator ends a look
_LATER_S: Final = 2.0  # by which a call that was delayed has had its effect
_FAR_S: Final = 6 * 3600.0
_AWAKE_S: Final = 60.0  # between such sleeps, in which a look ends though every call takes time


class Ended(NamedTuple):
    """How a history ended: the digest of its trace, what it counted, and which law it broke, if it did."""

    digest: str
    counts: dict[str, int]
    broken: BrokenError | None
    tale: list[str]


def run(history: History, *, is_told: bool = False) -> Ended:
    """Run a history; with its tale if `is_told`."""
    world = World(history, is_told=is_told)
    broken = None
    try:
        world.loop.run(_Course(world, history).run())
    except BrokenError as error:
        broken = error
    except StuckError as error:
        broken = BrokenError("nobody waits without an end", str(error))
    counts = dict(world.counts + world.faults.met)
    return Ended(world.digest, counts, broken, world.tale or [])


class _Course:
    """The course of one history."""

    def __init__(self, world: World, history: History) -> None:
        self._world = world
        self._history = history
        self._clients = Clients(world)
        self._happening = Happening(world, self._clients)
        self._outcome = Outcome(world.storage.content, world.laws)

    async def run(self) -> None:
        for role in self._world.roles:
            self._world.start(role)
        for event in self._history.events:
            await asyncio.sleep(event.after_s)
            await self._happening.happen(event)
        await asyncio.sleep(_LOOK_S)
        self._heal()
        await self._refile_again()
        await self._drain()
        await self._turn(self._turns(CONSUMERS))
        await self._end(CONSUMERS)  # which have nothing more to do, and would only ask for it
        await self._until(self._outcome.is_current, "figures are kept current")
        self._pass_hours()
        turns = self._turns(["aggregator", *self._history.options.compactor_names])
        await self._until(self._outcome.is_complete, "each hour becomes complete")
        if self._history.options.compactors:
            await self._compact()
        await self._check()
        await self._turn(turns)
        await self._end(self._world.roles)

    def _heal(self) -> None:
        """End all faults; what they left behind stays."""
        self._world.note("history", "heals", "", "")
        self._world.faults.heal()
        self._world.loop.heal()
        self._world.jumped_s.clear()
        self._world.thaw()

    async def _refile_again(self) -> None:
        """Do again what an operator did not end: until then an hour may be changed that is not noted."""
        end_s = self._world.loop.time() + DRAINED_S
        for event in self._history.events:
            if event.kind == "refile":
                await self._alone(end_s)
                self._happening.refile(event.amount)

    async def _alone(self, end_s: float) -> None:
        while self._world.running(OPERATOR):
            await self._wait(end_s, "each command ends", "a command")

    async def _drain(self) -> None:
        """Wait until each client is answered and the queue is empty, and nothing is set aside but poison."""
        end_s = self._world.loop.time() + DRAINED_S
        await self._alone(end_s)
        while left := await self._left():
            await self._wait(end_s, "all that is on its way arrives", left)
        for body in self._clients.poisonous:
            if body not in await self._quarantined():
                raise BrokenError("nothing disappears silently", f"{body!r} is not in quarantine")
        for found in await self._world.storage.list(QUARANTINE):
            await self._world.storage.delete(found.key)

    def _turns(self, roles: Iterable[str]) -> Mapping[str, int]:
        """Count how often each role has done what it does again and again, -1 if it has no process."""
        running = {role: self._world.running(role) for role in roles}
        return {role: made.turns if made else -1 for role, made in running.items()}

    async def _turn(self, before: Mapping[str, int]) -> None:
        """Wait until each role has done so once more, since that was counted."""
        end_s = self._world.loop.time() + TURNED_S
        while late := before.items() & self._turns(before).items():
            await self._wait(end_s, "each role goes on", str(sorted(late)))

    async def _end(self, roles: Sequence[str]) -> None:
        """Tell roles to end, and wait until they have."""
        end_s = self._world.loop.time() + ENDED_S
        for role in roles:
            self._world.retire(role)
        while late := [role for role in roles if self._world.running(role)]:
            await self._wait(end_s, "each role ends when it is told to", late[0])

    async def _left(self) -> str:
        """Say what is still on its way, and have replayed what is set aside."""
        depth = await self._world.queue.depth()
        aside = [body for body in await self._quarantined() if body not in self._clients.poisonous]
        if depth.dead or aside:
            self._world.command(Operator.replay)
        late = self._world.loop.time() < self._world.faults.late_s + _LATER_S
        counts = {
            "late calls": int(late),
            "commands": int(self._world.running(OPERATOR) is not None),
            "clients": self._clients.unanswered,
            "messages": depth.total,
            "messages that a consumer holds": sum(map(self._held, CONSUMERS)),
            "set aside": len(aside),
        }
        return ", ".join(f"{count} {name}" for name, count in counts.items() if count)

    def _held(self, role: str) -> int:
        made = self._world.running(role)
        return made.holds if isinstance(made, ConsumerRole) else 0

    async def _quarantined(self) -> Sequence[bytes]:
        return [
            body.body
            for found in await self._world.storage.list(QUARANTINE)
            for body in quarantine.decode(await self._world.storage.get(found.key))
        ]

    def _pass_hours(self) -> None:
        """Let all hours end that there are records of."""
        last = max(self._outcome.hours(), default=0)
        closes_ms = (last + 1) * HOUR_MS + LATENESS_MS
        now_ms = self._world.clock("history").wall_ms()
        self._world.loop.skip(max(0, closes_ms - now_ms) / 1000)

    async def _compact(self) -> None:
        """Wait until all is compacted, and until what that replaced is old and gone; hours stay complete."""
        options, outcome = self._history.options, self._outcome
        await self._until(outcome.is_compacted, "each complete hour is compacted")
        for role in options.compactor_names:  # one may be at work on what another has just done
            self._world.kill(role)
        self._world.sleep(options.grace_s + (options.raw_kept_s or 0.0))
        is_tidy = partial(outcome.is_tidy, is_raw_kept=options.raw_kept_s is None)
        await self._until(is_tidy, "what nobody needs is removed")
        await self._until(outcome.is_complete, "each hour stays complete")

    async def _check(self) -> None:
        """Compare everything, also after a look more: other objects may be as many as those before."""
        end_s = self._world.loop.time() + _LOOKED_S
        while self._world.loop.time() < end_s:
            try:
                self._outcome.check(self._clients.sent)
            except BrokenError as error:
                if error.law != EQUAL:
                    raise
                await asyncio.sleep(_LOOK_S)
            else:
                return
        self._outcome.check(self._clients.sent)

    async def _until(self, holds: Callable[[], bool], law: str) -> None:
        bound_s = SURVEYED_S if self._history.has_jumps else SETTLED_S
        end_s = self._world.loop.time() + bound_s
        while not holds():
            await self._wait(end_s, law)
            if self._world.loop.time() > end_s - bound_s + SETTLED_S:  # as only clocks that jumped allow
                self._world.sleep(_FAR_S)
                await asyncio.sleep(_AWAKE_S)

    async def _wait(self, end_s: float, law: str, left: str = "hours") -> None:
        if self._world.loop.time() > end_s:
            raise BrokenError(law, f"not within its time: {left}")
        await asyncio.sleep(_LOOK_S)
