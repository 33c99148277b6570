"""Long polls that run in the background, and the messages that they received.

A caller waits for as long as it likes. What a poll receives after that is there for the next call.

How many messages a poll brings says nothing about how many there are: SQS may bring one where ten thousand
wait. Only a poll that brings nothing says something. So a poll that brought messages is followed at once, by
one that does not wait. While such polls bring messages too, there are more of them, up to `receivers`. After
one that brought nothing there are fewer, and the last begins `pause_s` later and waits for up to `poll_s`. So
few messages do not cost a poll each.

A message that no caller took for half of its lease is dropped, and comes again.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from telemetry.adapters.queue.sqs.calls import BATCH, Calls, Entry, delivery
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
        self._is_empty = True  # as far as the last poll says
        self._may_begin_s = 0.0

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
        wanted = 1 if self._is_empty else self._wanted
        while (
            len(self._under_way) < wanted
            and len(self._arrived) + BATCH * len(self._under_way) < BATCH * wanted
        ):
            pause_s = max(0.0, self._may_begin_s - loop.time()) if self._is_empty else 0.0
            poll = loop.create_task(self._poll(pause_s, self._poll_s if self._is_empty else 0))
            self._under_way.add(poll)

    async def _poll(self, pause_s: float, wait_s: int) -> None:
        try:
            await asyncio.sleep(pause_s)
            messages = await self._calls.poll(self._visibility_s, wait_s)
        except QueueUnavailableError as error:
            self._error = error
        else:
            self._arrive(messages, is_followed=wait_s == 0)
        finally:
            # Before anybody is woken, who would otherwise take this poll for one that is under way.
            self._under_way.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            self._changed.set()

    def _arrive(self, messages: Sequence[Entry], *, is_followed: bool) -> None:
        """Keep what a poll brought, and decide how many polls follow."""
        now_s = asyncio.get_running_loop().time()
        self._error = None
        self._is_empty = not messages
        if self._is_empty:
            self._wanted = max(1, self._wanted // 2)
            self._may_begin_s = now_s + self._pause_s
        elif is_followed or len(messages) == BATCH:
            self._wanted = min(2 * self._wanted, self._receivers)
        fresh_until_s = now_s + self._visibility_s / 2
        self._arrived.extend(_Arrived(delivery(each), fresh_until_s) for each in messages)
