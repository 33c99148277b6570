"""Long polls that run in the background, and the messages that they received.

A caller waits for as long as it likes. What a poll receives after that is there for the next call.

How many messages a poll brings says nothing about how many there are: SQS may bring one where ten thousand
wait. Only a poll that brings nothing says something. So a poll that brought messages is followed at once, by
one that does not wait. While such polls bring messages too, there are more of them, up to `receivers`. After
one that brought nothing there are fewer, and the last begins `pause_s` later and waits for up to `poll_s`. So
few messages do not cost a poll each. Where messages are large there are fewer too, so that what is not taken
yet stays within 64 MB or one poll.

What they brought waits in `arrivals`, which also says when nothing more should be received.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, cast

from telemetry.adapters.queue.sqs.arrivals import Arrivals
from telemetry.adapters.queue.sqs.calls import BATCH, Calls, Entry, delivery
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.queue import QueueUnavailableError

_MOST_BYTES: Final = 64 * 1024 * 1024  # of bodies as SQS has them, in all polls
_FIRST_WAIT_S: Final = 0.3  # even a caller that may not wait gives a new poll this time


class Polls:
    """Polls of one queue, each of `poll_s`; messages are leased for `visibility_s`."""

    def __init__(self, calls: Calls, visibility_s: int, receivers: int, pause_s: float, poll_s: int) -> None:
        self._calls = calls
        self._visibility_s, self._poll_s = visibility_s, poll_s
        self._receivers, self._pause_s = receivers, pause_s
        self._arrived = Arrivals(visibility_s)
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
                async with asyncio.timeout_at(min(deadline_s, self._arrived.changes_s(loop.time()))):
                    await self._changed.wait()
            except TimeoutError:
                if loop.time() >= deadline_s:
                    return self._take(limit)
            if self._error:
                error, self._error = self._error, None
                raise error
        self._poll_more()
        return deliveries

    def settled(self, handles: Iterable[str]) -> None:
        """Note that these messages are with nobody any more."""
        self._arrived.settled(handles)
        self._changed.set()

    def close(self) -> Sequence[Delivery]:
        """End all polls; return the messages that no caller took."""
        for poll in self._under_way:
            poll.cancel()
        return self._arrived.clear()

    def _take(self, limit: int) -> Sequence[Delivery]:
        return self._arrived.take(limit, asyncio.get_running_loop().time())

    def _poll_more(self) -> None:
        """Start polls until as many are under way as can be of use."""
        loop = asyncio.get_running_loop()
        if self._arrived.are_enough(loop.time()):
            return
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
            size = sum(len(each["Body"]) for each in messages)
            most = min(self._receivers, max(1, _MOST_BYTES // max(1, size)))
            self._wanted = min(2 * self._wanted, most)
        self._arrived.add(map(delivery, messages), now_s)
