"""How often something that repeats is said: at once, and then once in a period with how often it happened."""

from collections.abc import Hashable


class Throttle:
    """A pure machine; time is an argument. It remembers at most `keys` kinds of events, the newest."""

    def __init__(self, period_s: float = 1.0, keys: int = 1024) -> None:
        self._period_s = period_s
        self._keys = keys
        self._said_s: dict[Hashable, float] = {}
        self._unsaid: dict[Hashable, int] = {}

    def admit(self, key: Hashable, now_s: float, count: int = 1) -> int:
        """Count `count` events of a kind; return how many are to be said now, 0 if none is."""
        unsaid = self._unsaid.get(key, 0) + count
        said_s = self._said_s.pop(key, None)
        if said_s is not None and now_s - said_s < self._period_s:
            self._said_s[key] = said_s
            self._unsaid[key] = unsaid
            return 0
        if len(self._said_s) >= self._keys:
            oldest = next(iter(self._said_s))
            del self._said_s[oldest]
            self._unsaid.pop(oldest, None)
        self._said_s[key] = now_s
        self._unsaid[key] = 0
        return unsaid
