"""The pipeline that faults are injected into: its roles as processes, and what they print."""

import asyncio
import math
import os
import re
import signal
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from telemetry.domain.backoff import Backoff
from telemetry.entrypoints.process import heartbeat
from telemetry.entrypoints.shared import supervising
from telemetry.entrypoints.shared.faults.awaiting import until
from telemetry.entrypoints.shared.keeping import Keeper
from telemetry.entrypoints.shared.supervising import Part, Supervised, Watching

RECEIVER: Final = "receiver"
CONSUMERS: Final = ("consumer-1", "consumer-2")
AGGREGATOR: Final = "aggregator"
NAMES: Final = (RECEIVER, *CONSUMERS, AGGREGATOR)

_PAUSE_S: Final = 0.2  # before what ended is started again; a person would wait longer, and prove less
_PATIENCE_S: Final = 20.0  # in which a role has to stop
_SHOWN: Final = 48  # characters of the begin of a line, and of what is looked for in it
_STAMP: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


class Pipeline:
    """Four processes, each with its environment, watched as `telemetry up` watches them."""

    def __init__(
        self,
        environments: Mapping[str, dict[str, str]],
        port: int,
        keeper: Keeper,
        data_dir: Path,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self.tracebacks = 0
        self._environments = environments
        self._data_dir = data_dir
        self._port = port
        self._keeper = keeper
        self._parts: dict[str, Supervised] = {}

    async def start(self) -> None:
        """Start all roles, and wait until each is ready."""
        watching = Watching(self._hear, self._ended)
        for name in NAMES:
            arguments = [name.partition("-")[0]]
            if name == RECEIVER:
                arguments += ["--port", str(self._port)]
            backoff = Backoff(_PAUSE_S, _PAUSE_S)
            part = Part(name, arguments)
            self._parts[name] = Supervised(part, self._environments[name], watching, _PATIENCE_S, backoff)
            self._parts[name].start()
        await until(lambda: self.are_ready(NAMES), "all roles to be ready")

    async def stop(self) -> Sequence[str]:
        """Stop the receiver, then the consumers, which store what they hold, then the aggregator.

        Return which of them did not end in order and in time.
        """
        for group in ((RECEIVER,), CONSUMERS, (AGGREGATOR,)):
            await asyncio.gather(*(self._parts[name].stop() for name in group if name in self._parts))
        return [
            f"{name} was to stop within {_PATIENCE_S:g} s, and ended with status {part.status}"
            for name, part in self._parts.items()
            if part.status or part.state == "hopeless"
        ]

    def are_ready(self, names: Collection[str]) -> bool:
        return all(self._parts[name].state == "ready" for name in names)

    @property
    def pids(self) -> Sequence[int]:
        """List the processes that are ready."""
        return [part.pid for part in self._parts.values() if part.state == "ready"]

    def pid(self, name: str) -> int:
        return self._parts[name].pid

    def have_turned(self, names: Collection[str], within_s: float) -> bool:
        """Return whether each of these roles finished a turn within these seconds, by its sign of life.

        The receiver has no turns: it has to answer instead.
        """
        ages_s = {pid: age_s for role in ("consumer", AGGREGATOR) for pid, age_s in self._signs(role)}
        pids = [self._parts[name].pid for name in names if name != RECEIVER]
        return all(ages_s.get(pid, math.inf) <= within_s for pid in pids)

    def _signs(self, role: str) -> Sequence[heartbeat.Sign]:
        try:
            return list(heartbeat.signs(self._data_dir, role))
        except FileNotFoundError:  # one of them ends just now
            return []

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a role, whatever that does to it. Raise ProcessLookupError if it does not run."""
        part = self._parts[name]
        if not part.pid or part.state not in {"starting", "ready"}:
            raise ProcessLookupError(f"{name} does not run: it is {part.state}")
        os.kill(part.pid, number)

    async def end(self, name: str, number: int) -> None:
        """End a role by a signal, and wait until it is started again."""
        before = self._parts[name].starts
        self.signal(name, number)
        await until(lambda: self._parts[name].starts > before, f"{name} to be started again")

    async def restart(self, name: str, variables: Mapping[str, str]) -> None:
        """Stop a role and start it with further variables, which it has until it is started anew."""
        environment = self._environments[name]
        environment |= variables
        try:
            await self.end(name, signal.SIGTERM)
            await until(lambda: self.are_ready([name]), f"{name} to be ready")
        finally:
            for each in variables:
                del environment[each]

    def told(self, pattern: str, since: int) -> str:
        """Return the first line after the first `since` that a pattern fits; nothing without one."""
        search = re.compile(pattern).search
        found = ((line, search(line)) for line in self.lines[since:])
        return next((_shortened(line, match) for line, match in found if match), "")

    def _hear(self, name: str, line: bytes) -> None:
        self._keeper.keep(name, line)
        text = line.decode(errors="replace")
        self.tracebacks += text.startswith("Traceback")
        self.lines.append(_STAMP.sub("", text))

    def _ended(self, name: str, status: int, _pause_s: float) -> None:
        """Write down what `telemetry up` prints of it, which is not there to do so."""
        self.lines.append(f"WARNING [Up] {supervising.ENDED}: process={name}, status={status}")


def _shortened(line: str, match: re.Match[str]) -> str:
    """Return the begin of a line, and what of it fits."""
    begin, rest = line[:_SHOWN], line[match.start() :]
    shown = line if match.start() < _SHOWN else f"{begin}... {rest}"
    return shown if len(shown) <= 2 * _SHOWN else f"{shown[: 2 * _SHOWN - 3]}..."
