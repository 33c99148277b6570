"""What a queue promises, as a model that is stepped by hand.

Its rules:

- A message that was sent is there until it is deleted. Messages are received in the order in which they were
  sent, as far as they are visible.
- To receive is to lease: for `visibility_ms` nobody else receives the message. Then it is visible again.
- Every lease has a handle of its own. Only the handle of the newest lease, while that lasts, deletes or
  extends. An older one is refused, and refusing changes nothing. So a holder who came too late cannot harm
  the next one.
- Extending sets the end of the lease anew, from now. Extending by nothing hands the message back.
- A message that was leased `max_receives` times and is visible again is not leased again. It becomes a dead
  letter, is kept as such, and can be redriven, which sends it anew under the time at which it was first sent.

The memory adapter is a shell around this model. The tests run the SQLite adapter in lock-step with it. Times
are epoch milliseconds and arguments.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec


class LeaseTerms(msgspec.Struct, frozen=True):
    """How long a lease lasts, and how many leases a message gets."""

    visibility_ms: int = 30_000
    max_receives: int = 5


State = Literal["ready", "leased", "dead"]
"""What a message waits for: to be received, to be deleted, or to be redriven."""


class Delivery(msgspec.Struct, frozen=True):
    """A message on lease, with the handle of that lease; `receives` counts its leases, this one included."""

    handle: str
    body: bytes
    sent_ms: int
    receives: int


class Depth(msgspec.Struct, frozen=True):
    """How many messages a queue holds: to be received, on lease, and dead."""

    ready: int
    leased: int
    dead: int


class _Message(msgspec.Struct):
    body: bytes
    sent_ms: int
    visible_ms: int
    receives: int = 0
    dead: bool = False


class QueueModel:
    """The messages of one queue and their leases."""

    def __init__(self, terms: LeaseTerms) -> None:
        self._terms = terms
        self._messages: dict[int, _Message] = {}
        self._last = 0

    def send(self, bodies: Iterable[bytes], now_ms: int) -> None:
        for body in bodies:
            self._last += 1
            self._messages[self._last] = _Message(body, sent_ms=now_ms, visible_ms=now_ms)

    def receive(self, limit: int, now_ms: int) -> list[Delivery]:
        """Lease up to `limit` visible messages.

        Those met on the way that had all their leases become dead letters.
        """
        deliveries: list[Delivery] = []
        for number, message in self._visible(now_ms):
            if len(deliveries) == limit:
                break
            if message.receives >= self._terms.max_receives:
                message.dead = True
                continue
            message.receives += 1
            message.visible_ms = now_ms + self._terms.visibility_ms
            deliveries.append(_delivery(number, message))
        return deliveries

    def delete(self, handles: Iterable[str], now_ms: int) -> list[str]:
        """Remove the messages of these handles; return the handles that were refused."""
        return [each for each in handles if not self._delete(each, now_ms)]

    def extend(self, handles: Iterable[str], duration_ms: int, now_ms: int) -> list[str]:
        """End these leases `duration_ms` from now; return the handles that were refused."""
        return [each for each in handles if not self._extend(each, now_ms + duration_ms, now_ms)]

    def depth(self, now_ms: int) -> Depth:
        dead = sum(message.dead for message in self._messages.values())
        ready = len(self._visible(now_ms))
        return Depth(ready, len(self._messages) - dead - ready, dead)

    def messages(self, now_ms: int) -> Iterator[tuple[bytes, int, State]]:
        """Yield every message: its body, when it was sent, and what it waits for."""
        for message in self._messages.values():
            is_ready = message.visible_ms <= now_ms
            state: State = "dead" if message.dead else "ready" if is_ready else "leased"
            yield message.body, message.sent_ms, state

    def next_visible(self, now_ms: int) -> int | None:
        """Return when, after `now_ms`, a lease ends next; None while nothing is on lease."""
        ends = (
            message.visible_ms
            for message in self._messages.values()
            if not message.dead and message.visible_ms > now_ms
        )
        return min(ends, default=None)

    def dead(self, limit: int) -> list[Delivery]:
        """Return up to `limit` dead letters, the oldest first."""
        letters = [_delivery(number, message) for number, message in self._messages.items() if message.dead]
        return letters[:limit]

    def redrive(self, handles: Iterable[str], now_ms: int) -> list[str]:
        """Send these dead letters anew; return the handles that belong to none."""
        return [each for each in handles if not self._redrive(each, now_ms)]

    def _visible(self, now_ms: int) -> Sequence[tuple[int, _Message]]:
        return [
            (number, message)
            for number, message in self._messages.items()
            if not message.dead and message.visible_ms <= now_ms
        ]

    def _leased(self, handle: str, now_ms: int) -> int | None:
        """Return the number of the message that this handle holds now, if there is one."""
        number, receives = parse_handle(handle)
        message = self._messages.get(number)
        if message is None or message.dead or message.receives != receives or message.visible_ms <= now_ms:
            return None
        return number

    def _delete(self, handle: str, now_ms: int) -> bool:
        if (number := self._leased(handle, now_ms)) is None:
            return False
        del self._messages[number]
        return True

    def _extend(self, handle: str, until_ms: int, now_ms: int) -> bool:
        if (number := self._leased(handle, now_ms)) is None:
            return False
        self._messages[number].visible_ms = until_ms
        return True

    def _redrive(self, handle: str, now_ms: int) -> bool:
        number, receives = parse_handle(handle)
        message = self._messages.get(number)
        if message is None or not message.dead or message.receives != receives:
            return False
        del self._messages[number]
        self._last += 1
        self._messages[self._last] = _Message(message.body, sent_ms=message.sent_ms, visible_ms=now_ms)
        return True


def lease_handle(number: int, receives: int) -> str:
    """Name a lease: the message's number, and which of its leases it is."""
    return f"{number}:{receives}"


def parse_handle(text: str) -> tuple[int, int]:
    """Read a lease handle back. Raise ValueError if it is none."""
    number, _, receives = text.partition(":")
    return int(number), int(receives)


def _delivery(number: int, message: _Message) -> Delivery:
    handle = lease_handle(number, message.receives)
    return Delivery(handle, message.body, message.sent_ms, message.receives)
