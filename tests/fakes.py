"""What stands in for queues, stores, receivers and outboxes in tests, each with switches for what fails."""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence

from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.clock import Clock
from telemetry.domain.contract import parse
from telemetry.domain.contract.record import Answer, Record, Rejection
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.store.storage import ObjectInfo, StoreUnavailableError
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.parcel import Parcel
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process.heartbeat import Heartbeat
from tests.builders import NOW


def open_gate() -> asyncio.Event:
    """Make an event that is set, so that nobody waits until a test clears it."""
    gate = asyncio.Event()
    gate.set()
    return gate


class Failing:
    """Verbs that raise while they are named in `failing`: `failure`, or else an error that names the verb."""

    failing: Collection[str] = ()
    failure: BaseException | None = None
    failures = 0

    def fault(self, verb: str, kind: type[Exception]) -> BaseException | None:
        """Return what a call of a verb has to raise, if anything, and count it."""
        if verb not in self.failing:
            return None
        self.failures += 1
        return self.failure or kind(f"{verb} fails")

    def check(self, verb: str, kind: type[Exception]) -> None:
        """Raise what a call of a verb has to raise."""
        if fault := self.fault(verb, kind):
            raise fault


class FailingQueue(Failing, MemoryQueue):
    """A queue that fails, refuses or answers late as a test wants, and that notes what it was asked."""

    def __init__(self, clock: Clock, terms: LeaseTerms | None = None) -> None:
        super().__init__(clock, terms or LeaseTerms())
        self.gate = open_gate()  # a send waits for it, and fails after it if it was called while sends failed
        self.refused: Sequence[int] = ()  # places in a send
        self.sends: list[int] = []  # how many bodies each send had
        self.waits: list[float] = []  # how long each receive might have waited
        self.extensions: list[tuple[int, float]] = []  # handles and duration of each that succeeded

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        self.sends.append(len(bodies))
        fault = self.fault("send", QueueUnavailableError)
        await self.gate.wait()
        if fault:
            raise fault
        await super().send([body for place, body in enumerate(bodies) if place not in self.refused])
        return self.refused

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        self.check("receive", QueueUnavailableError)
        self.waits.append(wait_s)
        await asyncio.sleep(0)  # others may run, as they may while a real queue is waited for
        return await super().receive(limit, 0)

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        self.check("delete", QueueUnavailableError)
        return await super().delete(handles)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        self.check("extend", QueueUnavailableError)
        self.extensions.append((len(handles), duration_s))
        return await super().extend(handles, duration_s)

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        self.check("acquit", QueueUnavailableError)
        return await super().acquit(handles)

    async def depth(self) -> Depth:
        self.check("depth", QueueUnavailableError)
        return await super().depth()

    async def oldest_ms(self) -> int | None:
        self.check("oldest", QueueUnavailableError)
        return await super().oldest_ms()

    async def outlook(self) -> Outlook:
        self.check("outlook", QueueUnavailableError)
        return await super().outlook()


class FailingStorage(Failing, MemoryStorage):
    """A store that cannot be listed, or is full, as a test wants, and that notes the prefixes of listings."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.puts_left = math.inf
        self.broken = "nothing"  # keys that contain it cannot be put
        self.refused_puts: Collection[str] = ()  # keys
        self.before_put: Callable[[], None] = lambda: None
        self.before_delete: Callable[[], None] = lambda: None
        self.putted: list[str] = []
        self.got: list[str] = []
        self.listed: list[str] = []
        self.refused: str | None = None  # what lies below it cannot be listed
        self.unreadable: Collection[str] = ()  # keys

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        if not self.puts_left or self.broken in key or key in self.refused_puts:
            self.failures += 1
            raise StoreUnavailableError("No space left on device")
        self.puts_left -= 1
        self.before_put()
        await super().put(key, data, overwrite=overwrite)
        self.putted.append(key)

    async def get(self, key: str) -> bytes:
        self.check("get", StoreUnavailableError)
        self.got.append(key)
        if key in self.unreadable:
            raise StoreUnavailableError(f"{key} cannot be read")
        return await super().get(key)

    async def delete(self, key: str) -> None:
        self.check("delete", StoreUnavailableError)
        self.before_delete()
        await super().delete(key)

    async def folders(self, prefix: str) -> Sequence[str]:
        self.check("list", StoreUnavailableError)
        if self.refused and prefix.startswith(self.refused):
            raise StoreUnavailableError(f"{prefix} cannot be listed")
        return await super().folders(prefix)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        self.check("list", StoreUnavailableError)
        if self.refused and (prefix.startswith(self.refused) or self.refused.startswith(prefix)):
            raise StoreUnavailableError(f"{self.refused} cannot be listed")  # as a walk meets it, and stops
        self.listed.append(prefix)
        return await super().list(prefix)


class CountingStorage(FailingStorage):
    """A store that notes how many reads are under way at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.most_at_once = 0
        self._under_way = 0

    async def get(self, key: str) -> bytes:
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(0)
            return await super().get(key)
        finally:
            self._under_way -= 1


class FakeGateway:
    """A receiver without a network that takes what the contract takes, until it is gone."""

    def __init__(self, refused: Collection[int] = (), bodies_left: float = math.inf) -> None:
        self.refused = refused  # places in each body
        self.bodies_left = bodies_left
        self.before_post: Callable[[], None] = lambda: None
        self.records: list[Record] = []
        self.is_closed = False

    async def ready(self) -> None:
        pass

    async def post(self, lines: bytes) -> Answer:
        if not self.bodies_left:
            raise GatewayError("gone")
        self.bodies_left -= 1
        self.before_post()
        parsed = parse.parse_lines(lines, NOW)
        taken = [record for place, record in enumerate(parsed.records) if place not in self.refused]
        self.records += taken
        return Answer(len(taken), [*parsed.rejected, *(Rejection(place, "no") for place in self.refused)])

    async def close(self) -> None:
        self.is_closed = True


class FakeOutbox:
    """An outbox that keeps what it is given once its gate is open, or is full."""

    def __init__(self, max_parcel_size: int = 1_000_000, *, is_full: bool = False) -> None:
        self.max_parcel_size = max_parcel_size
        self.waiting = 0
        self.is_full = is_full
        self.gate = open_gate()
        self.sends: list[Sequence[Parcel]] = []

    async def send(self, parcels: Sequence[Parcel]) -> None:
        await self.gate.wait()
        if self.is_full:
            raise QueueUnavailableError(f"It is full, {len(parcels)} parcels are too many.")
        self.sends.append(parcels)

    async def close(self) -> None:
        raise NotImplementedError

    @property
    def parcels(self) -> list[Parcel]:
        return [parcel for parcels in self.sends for parcel in parcels]


class FakeHeartbeat(Heartbeat):
    """A heartbeat without a file."""

    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1
