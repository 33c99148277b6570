"""Long polls that run in the background, and the messages that they received.

A caller waits for as long as it likes. What a poll receives after that is there for the next call. There is
one poll while few messages come. While polls come back full there are more, up to `receivers`. Polls that do
not come back full start at least `pause_s` apart, because a poll costs the same for one message as for ten. A
message that no caller took for half of its lease is dropped, and comes again.
"""

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from telemetry.adapters.queue.sqs.calls import BATCH, Calls, delivery
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.queue import QueueUnavailableError

_FIRST_WAIT_S: Final = 0.3  # even a caller that may not wait gives a new poll this time


class _Arrived(NamedTuple):
    """A message that a poll received; after `fresh_until_s` of the loop's clock it is dropped."""

    delivery: Delivery
    fresh_until_s: float


class Polls:
    """Polls of one queue, each of `poll_s`; messages are leased for `visibility_s`."""

    def __init__(self, calls: Calls, visibility_s: int, receivers: int, pause_s: float, poll_s: int) -> None:
        self._calls = calls
        self._visibility_s, self._poll_s = visibility_s, poll_s
        self._receivers, self._pause_s = receivers, pause_s
        self._arrived: deque[_Arrived] = deque()
        self._changed = asyncio.Event()
        self._error: QueueUnavailableError | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._wanted = 1
        self._began_s = -math.inf

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        """Return at most `limit` messages, after at most `wait_s` seconds. Raise QueueUnavailableError."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + max(wait_s, 0 if self._under_way else _FIRST_WAIT_S)
        while not (deliveries := self._take(limit)):
            self._changed.clear()
            self._poll_more()
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._changed.wait()
            except TimeoutError:
                return self._take(limit)
            if self._error:
                error, self._error = self._error, None
                raise error
        self._poll_more()
        return deliveries

    def close(self) -> Sequence[Delivery]:
        """End all polls; return the messages that no caller took."""
        for poll in self._under_way:
            poll.cancel()
        arrived, self._arrived = self._arrived, deque()
        return [each.delivery for each in arrived]

    def _take(self, limit: int) -> list[Delivery]:
        """Return at most `limit` messages that polls received, and drop those that are not fresh."""
        now_s = asyncio.get_running_loop().time()
        while self._arrived and self._arrived[0].fresh_until_s < now_s:
            self._arrived.popleft()
        return [self._arrived.popleft().delivery for _ in range(min(limit, len(self._arrived)))]

    def _poll_more(self) -> None:
        """Start polls until as many are under way as can be of use."""
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
        except QueueUnavailableError as error:
            self._error = error
        else:
            # A full poll means that the queue holds more.
            is_full = len(messages) == BATCH
            self._wanted = min(2 * self._wanted, self._receivers) if is_full else 1
            fresh_until_s = asyncio.get_running_loop().time() + self._visibility_s / 2
            self._arrived.extend(_Arrived(delivery(each), fresh_until_s) for each in messages)
        self._changed.set()
