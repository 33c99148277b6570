"""What goes wrong with the calls of queue and store: armed by events, met by whoever calls next."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from harness.histories.options import Event, Mode

QUEUE_VERBS: Final = ("send", "receive", "delete", "extend", "acquit", "outlook", "dead", "redrive")
STORE_VERBS: Final = ("put", "get", "list", "folders", "remove")
_ALL: Final = {"queue": QUEUE_VERBS, "store": STORE_VERBS}


class Faults:
    """Faults that wait for a call, and verbs that nobody can call for some time."""

    def __init__(self) -> None:
        self._armed: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
        self._away: dict[str, float] = {}
        self.met: Counter[str] = Counter()
        self.late_s = 0.0
        """Until when calls are under way that were delayed."""

    def arm(self, event: Event) -> None:
        """Let the next calls of a verb by a role fail."""
        self._armed[event.role, event.verb] += [event] * event.count

    def take_away(self, verbs: str, until_s: float) -> None:
        """Let a verb, or all of `queue` or `store`, be refused until a moment."""
        self._away |= dict.fromkeys(_ALL.get(verbs, [verbs]), until_s)

    def heal(self) -> None:
        """End all faults."""
        self._armed.clear()
        self._away.clear()

    def of(self, role: str, verb: str, now_s: float) -> tuple[Mode, float]:
        """Return how a call fails, and for how many seconds it is delayed."""
        if self._away and now_s < self._away.get(verb, 0.0):
            self.met["refuse"] += 1
            return "refuse", 0.0
        waiting = self._armed.get((role, verb))
        if not waiting:
            return "", 0.0
        event = waiting.pop()
        self.met[event.mode] += 1
        self.late_s = max(self.late_s, now_s + event.amount)
        return event.mode, event.amount


def chosen(entries: int, draw: float) -> Sequence[int]:
    """Choose every other one of some entries, one at least if there is any."""
    return range(int(draw * min(2, entries)), entries, 2)
