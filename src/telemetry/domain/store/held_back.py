"""What could not be written, and when it is tried again.

A pure machine. Its rules:

- A folder into which an object could not be put is closed. What belongs into it is held back and not tried,
  so that it stops nothing that belongs elsewhere.
- After a pause one object of the folder is tried. Pauses double from half a second up to four, so that a
  fault that ended is noticed within five seconds.
- Once an object was put into the folder, it is open, and all that was held back for it may be tried.
- Of an object only its messages are kept, as they came from the queue. An envelope is a tenth of its lines.
"""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final, Self

import msgspec

from telemetry.domain.backoff import Backoff
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.store import flush
from telemetry.domain.store.flush import Held, NewObject
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.transport.lease import Delivery

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 4.0
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_MESSAGES: Final = 20_000


class Kept(msgspec.Struct, frozen=True, eq=False):
    """An object that has to be written yet: its messages, and the moment after which it is named.

    `dequeued_ms` says of each message when it was received. `size` is bytes of lines.
    """

    folder: str
    since_ms: int
    deliveries: Sequence[Delivery]
    dequeued_ms: Sequence[int]
    size: int

    @classmethod
    def of(cls, new: NewObject, since_ms: int) -> Self:
        """Keep an object, to be named after `since_ms`."""
        return cls(
            new.folder,
            since_ms,
            [each.delivery for each in new.held],
            [each.dequeued_ms for each in new.held],
            len(new.lines),
        )

    def plan(self, policy: PartitionPolicy, raw_format: RawFormat) -> NewObject:
        """Make the same object again, under the same name."""
        pairs = zip(self.deliveries, self.dequeued_ms, strict=True)
        held = [Held.of(delivery, dequeued_ms, policy) for delivery, dequeued_ms in pairs]
        (new,) = flush.plan(held, self.since_ms, raw_format)
        return new


class _Closed(msgspec.Struct):
    """A folder that takes nothing: its pauses, and until when the present one lasts."""

    backoff: Backoff
    until_s: float = 0.0


class HeldBack:
    """All that is held back; time is an argument."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Kept]] = defaultdict(deque)
        self._closed: dict[str, _Closed] = {}
        self._bytes = 0
        self._unacquitted: list[str] = []
        self.messages = 0

    @property
    def is_full(self) -> bool:
        """Whether so much is held back that nothing more should be received."""
        return self._bytes >= _MOST_BYTES or self.messages >= _MOST_MESSAGES

    def is_closed(self, folder: str) -> bool:
        return folder in self._closed

    def hold(self, kept: Kept) -> None:
        """Keep an object that was not tried."""
        self._waiting[kept.folder].append(kept)
        self._count(kept, 1)
        self._unacquitted += [each.handle for each in kept.deliveries]

    def failed(self, kept: Kept, now_s: float) -> None:
        """Keep an object that could not be put, and close its folder for a pause."""
        self._waiting[kept.folder].appendleft(kept)
        self._count(kept, 1)
        self._unacquitted += [each.handle for each in kept.deliveries]
        closed = self._closed.setdefault(kept.folder, _Closed(Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)))
        # Of several that failed at once, only the first makes the pause longer.
        if not now_s < closed.until_s < math.inf:
            closed.until_s = now_s + closed.backoff.pause_s()

    def succeeded(self, folder: str) -> None:
        """Open a folder, because an object was put into it."""
        self._closed.pop(folder, None)

    def unacquitted(self) -> list[str]:
        """Return, once, the lease handles of messages that came to be held back or failed again."""
        handles, self._unacquitted = self._unacquitted, []
        return handles

    def take(self, now_s: float) -> list[Kept]:
        """Return what is to be tried now: one object of a closed folder, and of open ones a full batch."""
        taken: list[Kept] = []
        left = MAX_BATCH
        for folder, waiting in list(self._waiting.items()):
            closed = self._closed.get(folder)
            if closed and now_s >= closed.until_s:
                closed.until_s = math.inf  # until it is known what became of the object
                taken.append(waiting.popleft())
            while not closed and waiting and left > 0:
                taken.append(waiting.popleft())
                left -= taken[-1].size
            if not waiting:
                del self._waiting[folder]
        for each in taken:
            self._count(each, -1)
        return taken

    def _count(self, kept: Kept, sign: int) -> None:
        self._bytes += sign * sum(len(each.body) for each in kept.deliveries)
        self.messages += sign * len(kept.deliveries)
