"""What a kind of fault is, and what it is injected into."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

import msgspec

from telemetry.domain.errors import TelemetryError
from telemetry.domain.proof.prove import Prover
from telemetry.domain.transport.queue import Queue
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.faults.awaiting import until
from telemetry.entrypoints.shared.faults.load import Load
from telemetry.entrypoints.shared.faults.pipeline import NAMES, Pipeline
from telemetry.entrypoints.shared.faults.relay import Mode, Relay

_TOLD_S: Final = 30.0


class NotInjectedError(TelemetryError):
    """A fault that did not take hold, and why."""


class Target(msgspec.Struct):
    """A pipeline under load, and all by which it can be reached.

    `relays` stand before the receiver (`http`) and, on AWS, before the services (`sqs`, `s3`). `clocks` are
    the files that say how wrong the clock of each role is; there are none without libfaketime. `poison` are
    the queue bodies that have to be in quarantine at the end. `faked` are the processes that were started
    under libfaketime.
    """

    pipeline: Pipeline
    load: Load
    container: Container
    environment: Mapping[str, str]
    relays: Mapping[str, Relay]
    clocks: Mapping[str, str]
    poison: list[bytes] = []
    faked: set[int] = set()

    @property
    def settings(self) -> Settings:
        return self.container.settings()

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[Queue]:
        """Open the queue for as long as the context lasts, so that nothing of it stays in use."""
        fresh = Container(settings=self.settings)
        async with opened(fresh.queue):
            yield fresh.queue()

    @asynccontextmanager
    async def prover(self) -> AsyncIterator[Prover]:
        """Open a prover in the same way."""
        fresh = Container(settings=self.settings)
        async with opened(fresh.queue, fresh.storage):
            yield fresh.prover()

    async def hold(self, duration_s: float, tells: str = "") -> None:
        """Wait while something is wrong, and longer until a role has told of it, should none have met it yet.

        If none ever does, that is found out by who counts what was told.
        """
        since = len(self.pipeline.lines)
        await asyncio.sleep(duration_s)
        if tells:
            with suppress(TimeoutError):
                await until(lambda: bool(self.pipeline.told(tells, since)), "it to be told", _TOLD_S)

    async def break_calls(self, name: str, mode: Mode, duration_s: float, tells: str = "") -> None:
        """Let what passes a relay go wrong, as `hold` does. Raise NotInjectedError if nothing came by."""
        relay = self.relays[name]
        before = relay.hit
        async with relay.going_wrong(mode):
            await self.hold(duration_s, tells)
        if relay.hit == before:
            raise NotInjectedError(f"nothing was asked of {name} meanwhile")

    async def command(self, *arguments: str) -> tuple[int, Sequence[str]]:
        """Run a command as an operator would; return its exit status and the lines that it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "telemetry", *arguments),
            env=dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode(errors="replace").splitlines()


class Fault(NamedTuple):
    """A kind of fault: how it is injected and lifted again, and what an operator is told of it.

    `inject` takes a share from 0 to 1 for what is drawn, and returns once the fault is over. `tells` is the
    pattern of a line of some role's log; without one nobody has to be told, since nothing is to be done.
    `must_tell` says that the line has to be there; some faults are bridged for a while by who tries again.
    `queue` and `store` name the only backend that can have it. `roles` are those that it disturbs; no other
    fault disturbs them until all works again. `times` says how often it comes in a round. `after` is
    done once all works again.
    """

    kind: str
    inject: Callable[[Target, float], Coroutine[Any, Any, None]]
    tells: str = ""
    must_tell: bool = True
    queue: str = ""
    store: str = ""
    roles: frozenset[str] = frozenset(NAMES)
    times: int = 1
    after: Callable[[Target, float], Coroutine[Any, Any, None]] | None = None

    def concerns(self, settings: Settings) -> bool:
        """Return whether a pipeline with these settings can have it."""
        return self.queue in {"", settings.queue_backend} and self.store in {"", settings.storage_backend}
