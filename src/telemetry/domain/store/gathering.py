"""The batch that grows, and when it goes."""

from collections.abc import Iterable, Sequence

from telemetry.domain.store.flush import Held, Reason
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.transport.batch import Batcher, BatchLimits


class Gathering:
    """Messages that were received and are not under way yet."""

    def __init__(self, limits: BatchLimits) -> None:
        self._batch: Batcher[Held] = Batcher(limits)
        self._is_urgent = False

    @property
    def is_full(self) -> bool:
        return self._batch.size >= MAX_BATCH

    @property
    def deadline_s(self) -> float | None:
        """When the batch is due by its age; None while it is empty."""
        return self._batch.deadline_s

    def add(self, held: Iterable[Held], now_s: float) -> None:
        for each in held:
            # What comes again was held by a consumer that died. It is stored at once: if it waited for more,
            # it would be there at the next death too, and after a few of them be a dead letter for no fault
            # of its own.
            self._is_urgent |= each.delivery.receives > 1
            self._batch.add(each, each.count, each.size, now_s)

    def is_due(self, now_s: float, *, is_alone: bool) -> bool:
        """Return whether the batch goes now: alone once it is due, beside others only if full or old."""
        if is_alone:
            return self._is_urgent or self._batch.is_due(now_s)
        return self.is_full or self._batch.is_old(now_s)

    def reason(self, now_s: float) -> Reason:
        """Say why the batch goes now."""
        if self._is_urgent:
            return "again"
        if self._batch.is_full:
            return "full"
        return "age" if self._batch.is_old(now_s) else "end"

    def take(self) -> Sequence[Held]:
        """Return all that was gathered, and start anew."""
        self._is_urgent = False
        return self._batch.take()
