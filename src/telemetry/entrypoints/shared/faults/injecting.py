"""Injects faults, those of different roles at the same time, and judges each by itself.

A fault begins once every earlier one that disturbs one of its roles has been recovered from. So at each role
faults come in the order that the seed gives, and none can mend by accident what an earlier one broke: a role
that hangs is not killed before it was missed, since each has to finish a turn. What disturbs all roles is
alone.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from telemetry.domain.proof.injections import Injection
from telemetry.domain.proof.schedule import Planned
from telemetry.entrypoints.shared.faults.awaiting import described, until
from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target

RECOVERY_S: Final = 60.0
"""Seconds after which a pipeline counts as not recovered."""

_AT_ONCE: Final = 6  # that are injected or wait for others


class Injector:
    """What was injected into one target so far, and what is wrong that no fault explains."""

    def __init__(self, target: Target, tell: Callable[[int, Injection], None]) -> None:
        """Call `tell` with each injection and its number once it is over."""
        self.target = target
        self.injections: list[Injection] = []
        self.complaints: list[str] = []
        self._tell = tell
        self._last: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def place(self) -> None:
        """Wait until there is a place for one more."""
        await self._places.acquire()

    def begin(
        self, group: asyncio.TaskGroup, fault: Fault, planned: Planned, is_wanted: Callable[[], bool]
    ) -> None:
        """Inject a fault in its turn, if it is still wanted then, and give its place back."""
        earlier = {self._last[each] for each in fault.roles if each in self._last}
        task = group.create_task(self._in_turn(earlier, fault, planned, is_wanted))
        self._last |= dict.fromkeys(fault.roles, task)

    async def _in_turn(
        self,
        earlier: Collection[asyncio.Task[None]],
        fault: Fault,
        planned: Planned,
        is_wanted: Callable[[], bool],
    ) -> None:
        try:
            for each in earlier:
                await each
            await asyncio.sleep(planned.pause_s)
            if is_wanted():
                self.injections.append(injection := await self.inject(fault, planned.share))
                self._tell(len(self.injections), injection)
        finally:
            self._places.release()

    async def inject(self, fault: Fault, share: float) -> Injection:
        """Inject a fault, and wait until all works again."""
        since = len(self.target.pipeline.lines)
        try:
            await fault.inject(self.target, share)
            recovered_s = await self._recover(fault.roles)
            if fault.after:
                await fault.after(self.target, share)
        except NotInjectedError as why:
            return Injection(fault.kind, why_not=str(why))
        except Exception as error:  # noqa: BLE001  # a role that is gone shows in many ways, and the run goes on
            self.complaints.append(f"{fault.kind}: {described(error)}")
            return Injection(fault.kind)
        told = self.target.pipeline.told(fault.tells, since) if fault.tells else ""
        return Injection(fault.kind, recovered_s=recovered_s, told=told)

    async def _recover(self, roles: Collection[str]) -> float:
        """Wait until these roles are ready and finish a turn, and a record passes all; return the seconds.

        A record needs only one of the consumers, so that one that hangs would not be missed.
        """
        clock, pipeline = self.target.container.clock(), self.target.pipeline
        started_s, named = clock.monotonic_s(), ", ".join(sorted(roles))
        await until(lambda: pipeline.are_ready(roles), f"{named} to be ready", RECOVERY_S)
        ready_s = clock.monotonic_s()
        await until(
            lambda: pipeline.have_turned(roles, clock.monotonic_s() - ready_s),
            f"{named} to finish a turn",
            RECOVERY_S,
        )
        await self.target.load.recover(RECOVERY_S)
        return clock.monotonic_s() - started_s
