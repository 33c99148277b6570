"""Messages that polls brought and nobody has taken yet; time is an argument.

SQS counts how often each message was leased, and nothing takes a lease back. So a message that kills its
holder would make dead letters of those that are held beside it. Its rules against that:

- A message that was leased `SUSPECT_AFTER` times before is a suspect. It is given out alone, after all others
  were settled, and the next thing after it was settled. The one with the fewest leases goes first.
- While there is a suspect, nothing more should be received, so that nothing more is held beside it.
- Nobody waits for that for longer than a quarter of a lease, as where the store takes nothing. Then suspects
  are given out as others are.
- What was not taken for half of its lease is dropped, and comes again.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from telemetry.domain.transport.lease import SUSPECT_AFTER, Delivery


class _Arrived(NamedTuple):
    """A message, and when it came."""

    delivery: Delivery
    since_s: float


class Arrivals:
    """What was received on leases of `lease_s`, and which of it is with a holder."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._others: deque[_Arrived] = deque()
        self._suspects: list[_Arrived] = []
        self._held: set[str] = set()
        self._alone_until_s = 0.0  # while a suspect is with its holder

    def __len__(self) -> int:
        return len(self._others) + len(self._suspects)

    def are_enough(self, now_s: float) -> bool:
        """Return whether nothing more should be received, because there is a suspect."""
        return bool(self._suspects) or now_s < self._alone_until_s

    def changes_s(self, now_s: float) -> float:
        """Return when there may be something to take by itself, because a suspect has waited long enough."""
        moments = [each.since_s + self._lease_s / 4 for each in self._suspects]
        return min((each for each in [*moments, self._alone_until_s] if each > now_s), default=math.inf)

    def add(self, deliveries: Iterable[Delivery], now_s: float) -> None:
        for each in deliveries:
            is_suspect = each.receives > SUSPECT_AFTER
            (self._suspects if is_suspect else self._others).append(_Arrived(each, now_s))

    def take(self, limit: int, now_s: float) -> Sequence[Delivery]:
        """Give out at most `limit` messages, or one suspect alone."""
        self._drop(now_s - self._lease_s / 2)
        if now_s < self._alone_until_s:
            return []
        self._release(now_s - self._lease_s / 4)
        if self._others:
            taken = [self._others.popleft().delivery for _ in range(min(limit, len(self._others)))]
        elif self._suspects and not self._held:
            first = min(self._suspects, key=lambda each: each.delivery.receives)
            self._suspects.remove(first)
            self._alone_until_s = now_s + self._lease_s / 4
            taken = [first.delivery]
        else:
            taken = []
        self._held |= {each.handle for each in taken}
        return taken

    def settled(self, handles: Iterable[str]) -> None:
        """Note that these messages are with nobody any more."""
        self._held -= set(handles)
        if not self._held:
            self._alone_until_s = 0.0

    def clear(self) -> Sequence[Delivery]:
        """Return all that nobody took, and forget it."""
        left = [each.delivery for each in (*self._others, *self._suspects)]
        self._others.clear()
        self._suspects.clear()
        return left

    def _drop(self, until_s: float) -> None:
        """Drop what came before `until_s`: half of its lease is over."""
        while self._others and self._others[0].since_s < until_s:
            self._others.popleft()
        self._suspects = [each for each in self._suspects if each.since_s >= until_s]

    def _release(self, until_s: float) -> None:
        """Let suspects that came before `until_s` go with the others."""
        waited = [each for each in self._suspects if each.since_s <= until_s]
        self._suspects = [each for each in self._suspects if each.since_s > until_s]
        self._others.extend(waited)
