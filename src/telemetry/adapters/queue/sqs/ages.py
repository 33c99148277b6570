"""How old the messages of an SQS queue can be, of which it tells only how many there are, and that roughly.

Its counts lag behind by up to a minute. So a queue is empty only if every look of a minute found it so, and
then all is gone that was sent before the first of these looks.
"""

from typing import Final

from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced

SETTLES_MS: Final = 60_000
"""How long the counts of SQS may lag behind, by its documentation."""


class Ages:
    """What the looks at one queue have found so far."""

    def __init__(self) -> None:
        self._empty_since_ms: int | None = None

    def outlook(self, depth: Depth, now_ms: int) -> Outlook:
        """Say what may be in the queue, which was counted at `now_ms` or later."""
        if depth != Depth(0, 0, 0):
            self._empty_since_ms = None
        elif self._empty_since_ms is None:
            self._empty_since_ms = now_ms
        since_ms = self._empty_since_ms
        is_settled = since_ms is not None and now_ms - since_ms >= SETTLES_MS
        first_ms = since_ms if since_ms is not None and is_settled else 0
        return Outlook({}, [Unplaced(depth, first_ms, now_ms)], "age")
