"""A queue as a model that is stepped by hand, and that keeps the rules of `transport.lease`.

The memory adapter is a shell around it. The tests run the SQLite adapter in lock-step with it. Times are
arguments: `sent_ms` is epoch milliseconds, `now_ms` milliseconds of a clock that never goes back.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from telemetry.domain.transport.lease import (
    SUSPECT_AFTER,
    Delivery,
    Depth,
    LeaseTerms,
    State,
    lease_handle,
    parse_handle,
)


class _Message(msgspec.Struct):
    """A message; its newest lease is from `since_ms` to `until_ms`."""

    body: bytes
    sent_ms: int
    since_ms: int = 0
    until_ms: int = 0
    receives: int = 0
    strikes: int = 0
    dead: bool = False

    def is_leased(self, now_ms: int) -> bool:
        return not self.dead and self.since_ms <= now_ms < self.until_ms

    def is_ready(self, now_ms: int) -> bool:
        return not self.dead and not self.is_leased(now_ms)

    def lease(self, now_ms: int, duration_ms: int) -> None:
        self.since_ms, self.until_ms = now_ms, now_ms + duration_ms


class QueueModel:
    """The messages of one queue and their leases."""

    def __init__(self, terms: LeaseTerms) -> None:
        self._terms = terms
        self._messages: dict[int, _Message] = {}
        self._last = 0

    def send(self, bodies: Iterable[bytes], sent_ms: int) -> None:
        for body in bodies:
            self._last += 1
            self._messages[self._last] = _Message(body, sent_ms)

    def receive(self, limit: int, now_ms: int) -> list[Delivery]:
        """Lease one suspect, or else up to `limit` other messages, of those that are ready."""
        self.bury(now_ms)
        ready = self._ready(now_ms)
        chosen = [] if self._is_suspect_leased(now_ms) else self._suspects(ready)
        chosen = (chosen[:1] or [each for each in ready if each[1].strikes < SUSPECT_AFTER])[:limit]
        for _, message in chosen:
            message.receives += 1
            message.strikes += 1
            message.lease(now_ms, self._terms.visibility_ms)
        return [_delivery(*each) for each in chosen]

    def bury(self, now_ms: int) -> int:
        """Make dead letters of ready messages that have all their strikes; return how many."""
        doomed = [each for _, each in self._ready(now_ms) if self._state(each, now_ms) == "dead"]
        for message in doomed:
            message.dead = True
        return len(doomed)

    def delete(self, handles: Iterable[str], now_ms: int) -> list[str]:
        """Remove the messages of these handles; return the handles that were refused."""
        return [each for each in handles if not self._delete(each, now_ms)]

    def extend(self, handles: Iterable[str], duration_ms: int, now_ms: int) -> list[str]:
        """End these leases `duration_ms` from now; return the handles that were refused."""
        return [each for each in handles if not self._extend(each, duration_ms, now_ms)]

    def acquit(self, handles: Iterable[str], now_ms: int) -> list[str]:
        """Forget the strikes of these messages; return the handles that were refused."""
        return [each for each in handles if not self._acquit(each, now_ms)]

    def depth(self, now_ms: int) -> Depth:
        states = Counter(state for _, _, state in self.messages(now_ms))
        return Depth(states["ready"], states["leased"], states["dead"])

    def messages(self, now_ms: int) -> Iterator[tuple[bytes, int, State]]:
        """Yield every message: its body, when it was sent, and what it waits for."""
        for message in self._messages.values():
            yield message.body, message.sent_ms, self._state(message, now_ms)

    def next_ready(self, now_ms: int) -> int | None:
        """Return when, after `now_ms`, a lease ends next; None while nothing is on lease."""
        ends = (each.until_ms for each in self._messages.values() if each.is_leased(now_ms))
        return min(ends, default=None)

    def dead(self, limit: int, now_ms: int) -> list[Delivery]:
        """Return up to `limit` dead letters, the oldest first."""
        self.bury(now_ms)
        letters = [_delivery(number, message) for number, message in self._messages.items() if message.dead]
        return letters[:limit]

    def redrive(self, handles: Iterable[str]) -> list[str]:
        """Send these dead letters anew; return the handles that belong to none."""
        return [each for each in handles if not self._redrive(each)]

    def _state(self, message: _Message, now_ms: int) -> State:
        if message.is_leased(now_ms):
            return "leased"
        return "dead" if message.dead or message.strikes >= self._terms.max_receives else "ready"

    def _ready(self, now_ms: int) -> Sequence[tuple[int, _Message]]:
        return [each for each in self._messages.items() if each[1].is_ready(now_ms)]

    def _is_suspect_leased(self, now_ms: int) -> bool:
        leased = (each for each in self._messages.values() if each.is_leased(now_ms))
        return any(each.strikes > SUSPECT_AFTER for each in leased)

    @staticmethod
    def _suspects(ready: Sequence[tuple[int, _Message]]) -> list[tuple[int, _Message]]:
        """Return those that have to be received alone, the one with the fewest strikes first."""
        suspects = [each for each in ready if each[1].strikes >= SUSPECT_AFTER]
        return sorted(suspects, key=lambda each: (each[1].strikes, each[0]))

    def _held(self, handle: str, now_ms: int) -> tuple[int, _Message] | None:
        """Return the message that this handle holds now, if there is one, by its number."""
        number, receives = parse_handle(handle)
        message = self._messages.get(number)
        if message is None or message.receives != receives or not message.is_leased(now_ms):
            return None
        return number, message

    def _delete(self, handle: str, now_ms: int) -> bool:
        if held := self._held(handle, now_ms):
            del self._messages[held[0]]
        return bool(held)

    def _extend(self, handle: str, duration_ms: int, now_ms: int) -> bool:
        if held := self._held(handle, now_ms):
            held[1].lease(now_ms, duration_ms)
            held[1].strikes *= duration_ms > 0
        return bool(held)

    def _acquit(self, handle: str, now_ms: int) -> bool:
        if held := self._held(handle, now_ms):
            held[1].strikes = 0
        return bool(held)

    def _redrive(self, handle: str) -> bool:
        number, receives = parse_handle(handle)
        message = self._messages.get(number)
        if message is None or not message.dead or message.receives != receives:
            return False
        del self._messages[number]
        self.send([message.body], message.sent_ms)
        return True


def _delivery(number: int, message: _Message) -> Delivery:
    handle = lease_handle(number, message.receives)
    return Delivery(handle, message.body, message.sent_ms, message.receives)
