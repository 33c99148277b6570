"""What a queue promises, as a ledger that is stepped by hand.

Its rules:

- A message that was sent is there until it is deleted; it is received in the order in which it was sent, as far as it
  is visible.
- To receive is to lease: for `visibility` milliseconds nobody else receives the message. Then it is visible again.
- Every lease has a receipt of its own. Only the receipt of the newest lease, while it lasts, deletes or extends; an
  older one is refused, and refusing changes nothing. So a holder who came too late cannot harm the next one.
- Extending sets the end of the lease anew, from now; extending by nothing hands the message back.
- A message that was leased `max_receives` times and is visible again is not leased again: it becomes a dead letter,
  is kept as such, and can be redriven, which sends it anew under the time at which it was first sent.

The memory adapter is a shell around this ledger; the SQLite adapter is held to it in lock-step by the tests. Times are
epoch milliseconds and arguments.
"""

from collections.abc import Iterable, Sequence

import msgspec


class Terms(msgspec.Struct, frozen=True):
    """How long a lease lasts, in milliseconds, and how many of them a message gets."""

    visibility: int = 30_000
    max_receives: int = 5


class Delivery(msgspec.Struct, frozen=True):
    """A message on lease: `sent` in epoch milliseconds, `receives` counting this lease."""

    receipt: str
    body: bytes
    sent: int
    receives: int


class Depth(msgspec.Struct, frozen=True):
    """How many messages a queue holds: to be received, on lease, and dead."""

    ready: int
    leased: int
    dead: int


class _Entry(msgspec.Struct):
    body: bytes
    sent: int
    visible: int
    receives: int = 0
    dead: bool = False


class Ledger:
    """The messages of one queue and their leases."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._entries: dict[int, _Entry] = {}
        self._last = 0

    def send(self, bodies: Iterable[bytes], now: int) -> None:
        for body in bodies:
            self._last += 1
            self._entries[self._last] = _Entry(body, sent=now, visible=now)

    def receive(self, limit: int, now: int) -> list[Delivery]:
        """Lease up to `limit` visible messages, and bury those met on the way that had their share of leases."""
        deliveries: list[Delivery] = []
        for number, entry in self._visible(now):
            if len(deliveries) == limit:
                break
            if entry.receives >= self._terms.max_receives:
                entry.dead = True
                continue
            entry.receives += 1
            entry.visible = now + self._terms.visibility
            deliveries.append(
                Delivery(receipt(number, entry.receives), entry.body, entry.sent, entry.receives)
            )
        return deliveries

    def delete(self, receipts: Iterable[str], now: int) -> list[str]:
        """Remove the messages of these receipts; return the receipts that were refused."""
        return [each for each in receipts if not self._delete(each, now)]

    def extend(self, receipts: Iterable[str], duration: int, now: int) -> list[str]:
        """Let these leases end `duration` milliseconds from now; return the receipts that were refused."""
        return [each for each in receipts if not self._extend(each, now + duration, now)]

    def depth(self, now: int) -> Depth:
        dead = sum(entry.dead for entry in self._entries.values())
        ready = len(self._visible(now))
        return Depth(ready, len(self._entries) - dead - ready, dead)

    def next_visible(self, now: int) -> int | None:
        """When, after `now`, a lease ends next; None while nothing is on lease."""
        ends = (entry.visible for entry in self._entries.values() if not entry.dead and entry.visible > now)
        return min(ends, default=None)

    def dead(self, limit: int) -> list[Delivery]:
        """Show up to `limit` dead letters, the oldest first."""
        letters = [
            Delivery(receipt(number, entry.receives), entry.body, entry.sent, entry.receives)
            for number, entry in self._entries.items()
            if entry.dead
        ]
        return letters[:limit]

    def redrive(self, receipts: Iterable[str], now: int) -> list[str]:
        """Send these dead letters anew; return the receipts that are of none."""
        return [each for each in receipts if not self._redrive(each, now)]

    def _visible(self, now: int) -> Sequence[tuple[int, _Entry]]:
        return [(n, entry) for n, entry in self._entries.items() if not entry.dead and entry.visible <= now]

    def _holds(self, each: str, now: int) -> bool:
        number, receives = parse_receipt(each)
        entry = self._entries.get(number)
        return entry is not None and not entry.dead and entry.receives == receives and entry.visible > now

    def _delete(self, each: str, now: int) -> bool:
        if held := self._holds(each, now):
            del self._entries[parse_receipt(each)[0]]
        return held

    def _extend(self, each: str, until: int, now: int) -> bool:
        if held := self._holds(each, now):
            self._entries[parse_receipt(each)[0]].visible = until
        return held

    def _redrive(self, each: str, now: int) -> bool:
        number, receives = parse_receipt(each)
        entry = self._entries.get(number)
        if entry is None or not entry.dead or entry.receives != receives:
            return False
        del self._entries[number]
        self._last += 1
        self._entries[self._last] = _Entry(entry.body, sent=entry.sent, visible=now)
        return True


def receipt(number: int, receives: int) -> str:
    """Name a lease: the message's number and which of its leases it is."""
    return f"{number}:{receives}"


def parse_receipt(text: str) -> tuple[int, int]:
    """Read a receipt back. Raises ValueError if it is none."""
    number, _, receives = text.partition(":")
    return int(number), int(receives)
