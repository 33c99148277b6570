"""The world of a history: its processes, what they share, and what is written down of them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from hashlib import blake2b
from random import Random
from typing import Any, Final

from harness.histories.faults import Faults
from harness.histories.laws import BrokenError, Laws, Leases
from harness.histories.loop import Process, SeededLoop, settle
from harness.histories.options import History
from harness.histories.roles import AggregatorRole, CompactorRole, ConsumerRole, Operator, ReceiverRole, Role
from telemetry.adapters.cache.memory import MemoryCache
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.transport.lease import LeaseTerms

CONSUMERS: Final = ("consumer-0", "consumer-1")
OPERATOR: Final = "operator"
_RESTART_S: Final = 0.5


class _Storage(MemoryStorage):
    """The store in memory, whose objects can be looked at."""

    _content: Mapping[str, bytes] | None = None

    def content(self) -> Mapping[str, bytes]:
        if self._content is None:
            self._content = {key: data for key, (data, _) in self._objects.items()}
        return self._content

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        await super().put(key, data, overwrite=overwrite)
        self._content = None

    async def delete(self, key: str) -> None:
        await super().delete(key)
        self._content = None


class _Cache(MemoryCache):
    """The cache in memory, which can be lost."""

    def evict(self) -> None:
        self._kept.clear()
        self._size = 0


class WorldClock:
    """The clock of a role: right, but for what it jumped."""

    def __init__(self, world: "World", role: str) -> None:
        self._world = world
        self._role = role

    def wall_ms(self) -> int:
        world = self._world
        return world.options.start_ms + round((world.loop.time() + world.jumped_s[self._role]) * 1000)

    def monotonic_s(self) -> float:
        return self._world.loop.time()


class World:
    """Everything that a history has."""

    def __init__(self, history: History, *, is_told: bool = False) -> None:
        """If `is_told`, each call is kept as a line of `tale`."""
        self.options = options = history.options
        self.random = Random(history.seed)
        self.loop = SeededLoop(self.random)
        self.policy = PartitionPolicy(buckets=options.buckets)
        self.jumped_s: defaultdict[str, float] = defaultdict(float)
        terms = LeaseTerms(round(options.visibility_s * 1000), options.max_receives)
        self.queue = MemoryQueue(self.clock("queue"), terms)
        self.storage = _Storage(self.clock("store"))
        self.cache = _Cache()
        self.faults = Faults()
        self.laws = Laws(self.storage.content, self.loop.fail)
        self.leases = Leases(options.visibility_s, self.loop.time, self.loop.fail)
        self.counts: Counter[str] = Counter()
        self.tale: list[str] | None = [] if is_told else None
        self._digest = blake2b(digest_size=8)
        self._noted: list[str] = []
        self._running: dict[str, Role] = {}
        self._retired: set[str] = set()
        self._waiting: list[asyncio.Future[bool]] = []
        self.receivers = [f"receiver-{number}" for number in range(options.receivers)]

    @property
    def roles(self) -> list[str]:
        return [*self.receivers, *CONSUMERS, "aggregator", *self.options.compactor_names]

    @property
    def digest(self) -> str:
        """Name all that has happened so far."""
        self._digest.update("".join(self._noted).encode())
        self._noted.clear()
        return self._digest.hexdigest()

    def clock(self, role: str) -> WorldClock:
        return WorldClock(self, role)

    def note(self, role: str, verb: str, mode: str, what: object) -> None:
        """Write down what happened."""
        line = f"{self.loop.time():.6f} {role} {verb} {mode} {what}"
        self._noted.append(line)
        if self.tale is not None:
            self.tale.append(line)

    def running(self, role: str) -> Role | None:
        """Return the process of a role that is alive, if there is one."""
        return self._running.get(role)

    def start(self, role: str) -> None:
        """Start a process of a role, unless one runs."""
        if role in self._running or role in self._retired or self.loop.is_over:
            return
        process = Process(role)
        self._running[role] = made = _kind(role)(self, process)
        task = self.loop.spawn(process, made.run())
        task.add_done_callback(lambda done: self._ended(role, made, done))

    def kill(self, role: str) -> bool:
        """End a process at once, wherever it is, and start another soon; return whether there was one."""
        if made := self._running.pop(role, None):
            made.process.is_dead = True
            self.note(role, "killed", "", "")
            if role != OPERATOR:
                self.loop.call_later(_RESTART_S * (1 + self.random.random()), self.start, role)
        return made is not None

    def stop(self, role: str) -> bool:
        """Tell a process to end in order; return whether there is one."""
        if made := self._running.get(role):
            made.process.is_stopping = True
            made.stopping.set()
        return made is not None

    def retire(self, role: str) -> None:
        """Tell a process to end in order, and start no other."""
        self._retired.add(role)
        self.stop(role)

    def freeze(self, role: str, duration_s: float) -> bool:
        """Let a process do nothing for some time; return whether there is one."""
        if made := self._running.get(role):
            made.process.is_frozen = True
            self.loop.call_later(duration_s, self._thaw, made.process)
        return made is not None

    def thaw(self) -> None:
        """Let all processes go on that are frozen."""
        for made in self._running.values():
            self._thaw(made.process)

    def sleep(self, duration_s: float) -> None:
        """Let time pass in which nobody does anything."""
        self.loop.skip(duration_s)
        self.leases.disturbed(*self.roles)

    def evict(self) -> None:
        """Lose what was computed once."""
        self.cache.evict()

    def arrived(self) -> None:
        """Wake those who wait for messages."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            settle(each, result=True)

    async def arrival(self, duration_s: float) -> bool:
        """Wait for messages, but not for longer; return whether any came."""
        future: asyncio.Future[bool] = self.loop.create_future()
        self._waiting.append(future)
        timer = self.loop.call_later(duration_s, partial(settle, future, result=False))
        is_found = await future
        timer.cancel()
        return is_found

    def command(self, act: Callable[[Operator], Coroutine[Any, Any, None]]) -> bool:
        """Let an operator call a command, unless one is under way; return whether it is called.

        What fails is not tried again.
        """
        if OPERATOR in self._running:
            return False
        process = Process(OPERATOR)
        self._running[OPERATOR] = made = Operator(self, process)
        task = self.loop.spawn(process, act(made))
        task.add_done_callback(lambda done: self._commanded(made, done))
        return True

    def _commanded(self, made: Role, task: asyncio.Task[None]) -> None:
        if self._running.get(made.process.role) is made:
            del self._running[made.process.role]
        self._check(made.process.role, task)

    def _thaw(self, process: Process) -> None:
        if process.is_frozen:
            self.loop.thaw(process)
            self.leases.disturbed(process.role)

    def _ended(self, role: str, made: Role, task: asyncio.Task[None]) -> None:
        """Start a role again that ended, as whoever supervises it does."""
        if self.loop.is_over or made.process.is_dead:
            return
        self._check(role, task)
        if not made.process.is_stopping and not task.cancelled() and not task.exception():
            self.loop.fail(BrokenError("no role ends before it is told to", role))
        self.note(role, "ended", "", "")
        self._running.pop(role, None)
        self.loop.call_later(_RESTART_S, self.start, role)

    def _check(self, role: str, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error and not _is_of_reach(error):
            broken = BrokenError("no role ends with a fault of its own", f"{role}: {error!r}")
            broken.__cause__ = error
            self.loop.fail(broken)


def _kind(role: str) -> type[Role]:
    kinds: Mapping[str, type[Role]] = {
        "receiver": ReceiverRole,
        "consumer": ConsumerRole,
        "aggregator": AggregatorRole,
        "compactor": CompactorRole,
    }
    return kinds[role.partition("-")[0]]


def _is_of_reach(error: BaseException) -> bool:
    """Return whether a role may end with this: it could not reach queue or store, or not in time."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_of_reach, error.exceptions))
    return isinstance(error, OutOfReachError | TimeoutError)
