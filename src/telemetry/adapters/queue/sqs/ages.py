"""How old the messages of an SQS queue can be, of which it tells only how many there are, and that roughly.

Two things bound the age, and the better one counts:

- Counts lag behind by up to a minute. So if every look of a minute found the queue empty, all is gone that
  was sent before the first of these looks.
- CloudWatch has the age of the oldest message for each minute (`oldest`), also if the queue is never empty. A
  dead letter or a body from quarantine that is sent anew has a new age, and old records. So this bound counts
  only once it is later than the first look, and than the last one that found a dead letter.
"""

from collections import deque
from typing import Final

from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced

SETTLES_MS: Final = 60_000
"""How long the counts of SQS may lag behind, by its documentation."""


class Ages:
    """What the looks at one queue have found so far."""

    def __init__(self) -> None:
        self._empty: deque[int] = deque()  # the last looks, if all of them found it empty
        self._unsure_ms = -1  # what was sent until then may be younger than its records

    def outlook(self, depth: Depth, now_ms: int, oldest_ms: int = 0) -> Outlook:
        """Say what may be in the queue, which was counted at `now_ms` or later.

        The oldest message was sent at `oldest_ms` or later, by CloudWatch; 0 if it does not say so.
        """
        if depth.dead or self._unsure_ms < 0:
            self._unsure_ms = now_ms
        if depth != Depth(0, 0, 0):
            self._empty.clear()
        else:
            self._empty.append(now_ms)
        while len(self._empty) > 1 and now_ms - self._empty[1] >= SETTLES_MS:
            self._empty.popleft()
        is_settled = bool(self._empty) and now_ms - self._empty[0] >= SETTLES_MS
        first_ms = self._empty[0] if is_settled else 0
        if oldest_ms > self._unsure_ms:
            first_ms = max(first_ms, oldest_ms)
        return Outlook({}, [Unplaced(depth, first_ms, now_ms)], "age")
