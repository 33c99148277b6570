"""Reads the six numbers: from what the roles tell, here and on other machines, from queue and store."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

import msgspec

from telemetry.adapters.http import client
from telemetry.adapters.metrics import meters, tallies
from telemetry.domain.clock import Clock
from telemetry.domain.errors import TelemetryError
from telemetry.domain.store import objects
from telemetry.domain.store.storage import ObjectInfo
from telemetry.domain.transport.lease import Depth
from telemetry.domain.watch import vitals
from telemetry.domain.watch.lately import Lately, Role, Window
from telemetry.domain.watch.overdue import Deadlines, Overdue
from telemetry.domain.watch.vitals import Aims, Reading, Vitals
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import telling

_FRESH_MS: Final = 500  # for which a reading is good enough for the next who asks
_BETWEEN_S: Final = 2.0  # the first two looks at a process that shows only totals
_PATIENCE_S: Final = 3.0  # with a process elsewhere
_STORE_MS: Final = {"local": 1000, "memory": 1000, "s3": 60_000}  # S3 bills each listing
_QUEUE_MS: Final = {"sqlite": 0, "memory": 0, "sqs": 5000, "outside": 1000}
_LOOKS: Final = 3  # that an aggregator may leave out before what is stored counts as unseen
_MORE_MS: Final = 5000  # that one may take

R = TypeVar("R")


class Watching:
    """Reads the numbers for whoever asks, however many they are."""

    def __init__(self, container: Container) -> None:
        configured = container.settings()
        self._configured = configured
        self._clock: Clock = container.clock()
        self._lookout, self._store = container.lookout(), container.archive_reader()
        self._elsewhere = _Elsewhere(configured, self._clock)
        self._deadlines = Deadlines(
            self._store, container.together(), round(configured.aggregate_lateness * 1000)
        )
        self._aims = Aims(configured.batch_timeout, str(configured.data_dir))
        self._depth = _Remembered[tuple[Depth, int | None]](self._clock, _QUEUE_MS[configured.queue_kind])
        store_ms = _STORE_MS[configured.storage_backend]
        self._quarantine = _Remembered[Sequence[ObjectInfo]](self._clock, store_ms)
        self._overdue = _Remembered[Sequence[Overdue]](self._clock, store_ms)
        self._reading = asyncio.Lock()
        self._last: tuple[int, Vitals] | None = None
        self._since: dict[str, str] = {}

    async def read(self) -> Vitals:
        """Return the numbers as they are now, or were half a second ago; what is not known has no value."""
        async with self._reading:
            now_ms = self._clock.wall_ms()
            if self._last is None or not 0 <= now_ms - self._last[0] < _FRESH_MS:
                judged = vitals.judge(await self.measure(), self._clock.wall_ms())
                self._last = self._clock.wall_ms(), self._remember(judged)
            return self._last[1]

    async def measure(self) -> Reading:
        """Return what the numbers are judged by."""
        lately = [*telling.told(self._configured.data_dir, self._clock.wall_ms())]
        lately += await self._elsewhere.read()
        missing = expected(self._configured) - {each.role for each in lately}
        depth, oldest_ms = await self._depth.ask(self._ask_queue) or (None, None)
        quarantined = await self._quarantine.ask(lambda: self._store.list(objects.QUARANTINE))
        until_ms = self._unseen_until_ms(lately, missing)
        overdue = await self._overdue.ask(lambda: self._deadlines.missed(self._clock.wall_ms(), until_ms))
        return Reading(
            lately=lately,
            missing=missing,
            depth=depth,
            oldest_ms=oldest_ms,
            quarantined=None if quarantined is None else len(quarantined),
            overdue=overdue,
            store_ms=self._overdue.asked_ms,
            aims=self._aims,
        )

    async def _ask_queue(self) -> tuple[Depth, int | None]:
        return await self._lookout.depth(), await self._lookout.oldest_ms()

    def _unseen_until_ms(self, lately: Iterable[Lately], missing: Iterable[Role]) -> int | None:
        """Return until when what is stored should have been looked at; None if an aggregator does look."""
        now_ms = self._clock.wall_ms()
        if "aggregator" in missing:
            return now_ms
        patience_ms = round(_LOOKS * self._configured.aggregate_interval * 1000) + _MORE_MS
        looked_ms = max((each.now.looked_ms for each in lately), default=0)
        return None if now_ms - looked_ms < patience_ms else now_ms - patience_ms

    def _remember(self, judged: Vitals) -> Vitals:
        """Say of what is wrong since an unknown moment that it is since it was first seen."""
        wrong = [each for each in judged.vitals if each.wrong]
        self._since = {each.name: each.since or self._since.get(each.name, judged.at) for each in wrong}
        return msgspec.structs.replace(
            judged,
            vitals=[
                msgspec.structs.replace(each, since=self._since.get(each.name)) for each in judged.vitals
            ],
        )


def expected(configured: Settings) -> frozenset[Role]:
    """Return the roles that have to be seen: those that share a queue or a store of this machine, or all."""
    if configured.metrics_urls:
        return frozenset(("receiver", "consumer", "aggregator"))
    roles: list[Role] = []
    if configured.queue_backend == "sqlite":
        roles += ["receiver", "consumer"]
    if configured.storage_backend == "local":
        roles += ["consumer", "aggregator"]
    return frozenset(roles)


class _Remembered(Generic[R]):
    """What was asked last, for as long as it is fresh; None if it could not be found out."""

    def __init__(self, clock: Clock, fresh_ms: int) -> None:
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._found: R | None = None
        self.asked_ms: int | None = None

    async def ask(self, ask: Callable[[], Awaitable[R]]) -> R | None:
        now_ms = self._clock.wall_ms()
        if self.asked_ms is None or not 0 <= now_ms - self.asked_ms < self._fresh_ms:
            self.asked_ms, self._found = now_ms, None
            with suppress(TelemetryError):
                self._found = await ask()
        return self._found


class _Elsewhere:
    """The processes of METRICS_URLS. They show totals, so that it takes two looks to see what they do."""

    def __init__(self, configured: Settings, clock: Clock) -> None:
        self._urls = [each.strip() for each in (configured.metrics_urls or "").split(",") if each.strip()]
        self._key = configured.api_key
        self._clock = clock
        self._windows: dict[str, Window] = {}

    async def read(self) -> Sequence[Lately]:
        """Return what each that answers did since it was looked at some seconds ago."""
        if not self._urls:
            return []
        is_first = not self._windows
        found = await self._look()
        if is_first and self._windows:
            await asyncio.sleep(_BETWEEN_S)
            found = await self._look()
        return found

    async def _look(self) -> Sequence[Lately]:
        texts = await asyncio.gather(*(client.fetch(url, self._key, _PATIENCE_S) for url in self._urls))
        return [*self._told(zip(self._urls, texts, strict=True))]

    def _told(self, texts: Iterable[tuple[str, str | None]]) -> Iterator[Lately]:
        for url, text in texts:
            with suppress(ValueError):  # it is no text of metrics
                role, now = tallies.of(meters.parse(text or ""), self._clock.wall_ms())
                if role:
                    yield self._windows.setdefault(url, Window(role, url.removesuffix("/metrics"))).add(now)
