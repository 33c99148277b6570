"""The leases that a consumer holds, and when they have to be extended; time is an argument."""

from collections.abc import Iterable


class Leases:
    """When the lease of each handle, which lasts `visibility_s`, began or was extended last."""

    def __init__(self, visibility_s: float) -> None:
        self.visibility_s = visibility_s
        self._since_s: dict[str, float] = {}

    @property
    def handles(self) -> list[str]:
        return list(self._since_s)

    def begin(self, handles: Iterable[str], now_s: float) -> None:
        self._since_s |= dict.fromkeys(handles, now_s)

    def end(self, handles: Iterable[str]) -> None:
        for handle in handles:
            self._since_s.pop(handle, None)

    def are_due(self, now_s: float) -> bool:
        """Return whether half of the time of one of them is over; then all are extended together."""
        return now_s - min(self._since_s.values(), default=now_s) >= self.visibility_s / 2

    def extended(self, handles: Iterable[str], now_s: float) -> None:
        """Note which leases were extended; those that have ended meanwhile stay so."""
        self._since_s |= {each: now_s for each in handles if each in self._since_s}
