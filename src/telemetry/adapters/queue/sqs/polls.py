"""Long polls that go on in the background, and the messages that they brought.

A caller waits as long as it likes, and what a poll brings meanwhile is there for the next. There is one poll while
little comes, and more, up to `receivers`, while polls come back full. Polls that do not are at least `pause_s`
apart, because each costs the same for one message and for ten. What a poll brought and nobody took for half of its
lease is left to come again.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from telemetry.adapters.queue.sqs.calls import BATCH, Calls, delivery
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.queue import QueueUnavailableError

_LOOK_S: Final = 0.3  # that a poll that has just begun gets even from a caller who may not wait


class _Arrived(NamedTuple):
    """A message that a poll brought; after `fresh_until_s` of the loop's clock it is not handed out any more."""

    delivery: Delivery
    fresh_until_s: float


class Polls:
    """Polls of one queue, each of `poll_s`; messages are leased for `visibility_s`."""

    def __init__(self, calls: Calls, visibility_s: int, receivers: int, pause_s: float, poll_s: int) -> None:
        self._calls = calls
        self._visibility_s, self._poll_s = visibility_s, poll_s
        self._receivers, self._pause_s = receivers, pause_s
        self._arrived: deque[_Arrived] = deque()
        self._news = asyncio.Event()
        self._fault: QueueUnavailableError | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._wanted = 1
        self._began_s = -math.inf

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """Return at most `limit` messages, waiting `wait_s` seconds for the first."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + max(wait_s, 0 if self._under_way else _LOOK_S)
        while not (deliveries := self._take(limit)):
            self._news.clear()
            self._poll_more()
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._news.wait()
            except TimeoutError:
                return self._take(limit)
            if self._fault:
                fault, self._fault = self._fault, None
                raise fault
        self._poll_more()
        return deliveries

    def close(self) -> Sequence[Delivery]:
        """End all polls; return what nobody took."""
        for poll in self._under_way:
            poll.cancel()
        arrived, self._arrived = self._arrived, deque()
        return [each.delivery for each in arrived]

    def _take(self, limit: int) -> list[Delivery]:
        """Hand out what polls have brought, but for what was there for too long."""
        now_s = asyncio.get_running_loop().time()
        while self._arrived and self._arrived[0].fresh_until_s < now_s:
            self._arrived.popleft()
        return [self._arrived.popleft().delivery for _ in range(min(limit, len(self._arrived)))]

    def _poll_more(self) -> None:
        """Have as many polls under way as there is a use for."""
        loop = asyncio.get_running_loop()
        while (
            len(self._under_way) < self._wanted
            and len(self._arrived) + BATCH * len(self._under_way) < BATCH * self._wanted
        ):
            now_s = loop.time()
            self._began_s = now_s if self._wanted > 1 else max(now_s, self._began_s + self._pause_s)
            poll = loop.create_task(self._poll(self._began_s - now_s))
            self._under_way.add(poll)
            poll.add_done_callback(self._under_way.discard)

    async def _poll(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        try:
            messages = await self._calls.poll(self._visibility_s, self._poll_s)
        except QueueUnavailableError as fault:
            self._fault = fault
        else:
            # While polls come back full there is more where that came from.
            full = len(messages) == BATCH
            self._wanted = min(2 * self._wanted, self._receivers) if full else 1
            fresh = asyncio.get_running_loop().time() + self._visibility_s / 2
            self._arrived.extend(_Arrived(delivery(each), fresh) for each in messages)
        self._news.set()
