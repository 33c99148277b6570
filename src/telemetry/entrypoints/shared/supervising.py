"""Roles as processes that are watched: what they print is kept, and one that ends is started again.

A part is one process of a role. It runs until it is told to stop. If it ends before that, it is started
again, after a pause that doubles each time and begins anew once the part has run for a minute. It says
itself when it is ready, as it would say it to systemd. One that ends by itself before it was ever ready
cannot run at all: it is hopeless, and is not tried again.
"""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from telemetry.domain.backoff import Backoff
from telemetry.entrypoints.process import children, notify, runtime

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_SETTLED_S: Final = 60.0
"""A part that ran for so long has nothing to do with its failures before."""
_LONGEST_LINE: Final = 1_000_000  # bytes; a longer line is kept in pieces

ENDED: Final = "A process ended, it is started again"
"""What the log says of an end that nobody asked for, with the process and its status."""

State = Literal["starting", "ready", "pausing", "ended", "hopeless"]


class Part(NamedTuple):
    """One process of a role: its name, as `consumer-2`, and its arguments."""

    name: str
    arguments: Sequence[str]


class Watching(NamedTuple):
    """Who is told what happens: each line that a part prints, and each end that nobody asked for."""

    line: Callable[[str, bytes], None]
    ended: Callable[[str, int, float], None]
    """A part, its exit status, and the seconds until it is started again."""


class Supervised:
    """Keeps one part running. `state`, `pid`, `starts` and `status` are for those who look on.

    `pid` is the process that runs or ran last; none before the first, and while the next is being started.
    """

    def __init__(
        self,
        part: Part,
        environment: Mapping[str, str],
        watching: Watching,
        patience_s: float,
        backoff: Backoff | None = None,
    ) -> None:
        self.part = part
        self.state: State = "starting"
        self.pid = 0
        self.starts = 0
        self.status = 0
        self.was_ready = False
        self._environment = environment
        self._watching = watching
        self._patience_s = patience_s
        self._stopping = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._backoff = backoff or Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)

    def start(self) -> None:
        """Run the part until it is stopped, or is hopeless."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask the part to end, in order, and wait; if it takes longer than its patience it is killed."""
        self._stopping.set()
        if self._keeping:
            await self._keeping

    async def _keep(self) -> None:
        while not self._stopping.is_set() and self.state != "hopeless":
            started_s = time.monotonic()
            await self._run()
            if not self._stopping.is_set():
                await self._pause(time.monotonic() - started_s)
        if self.state != "hopeless":
            self.state = "ended"

    async def _run(self) -> None:
        """Start the process and wait for its end, whoever wanted it."""
        self.state, self.pid = "starting", 0
        self.starts += 1
        with notify.listening(self._on_ready) as address:
            process = await _start(self.part.arguments, {**self._environment, notify.SOCKET: address})
            self.pid = process.pid
            printing = asyncio.create_task(self._read(process))
            ending = asyncio.create_task(process.wait())
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            self.status = await _end(process, self._patience_s)
            await asyncio.gather(printing, ending)

    def _on_ready(self) -> None:
        self.state, self.was_ready = "ready", True

    async def _pause(self, ran_s: float) -> None:
        """Wait before the next start, unless there should be none."""
        if self.status > 0 and not self.was_ready:
            self.state = "hopeless"
            return
        if ran_s >= _SETTLED_S:
            self._backoff.reset()
        pause_s = self._backoff.pause_s()
        self.state = "pausing"
        self._watching.ended(self.part.name, self.status, pause_s)
        await runtime.pause(self._stopping, pause_s)

    async def _read(self, process: Process) -> None:
        """Hand on each line that the part prints, also the last one that has no end."""
        assert process.stdout  # noqa: S101  # it is a pipe
        while True:
            try:
                line = await process.stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError as rest:
                if rest.partial:
                    self._watching.line(self.part.name, rest.partial)
                return
            except asyncio.LimitOverrunError as longer:
                line = await process.stdout.read(longer.consumed)
            self._watching.line(self.part.name, line.rstrip(b"\r\n"))


async def _start(arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "telemetry",
        *arguments,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl-C is for the supervisor, which ends its parts in their order
        preexec_fn=children.die_with_parent if sys.platform == "linux" else None,
    )


async def _end(process: Process, patience_s: float) -> int:
    """Ask a process to end, wait, and kill it after `patience_s`; return its exit status."""
    with suppress(ProcessLookupError):  # it has ended
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(patience_s):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()
