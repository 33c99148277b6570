"""Who may send: API keys, the vehicles each may speak for, and how many records a second it may send."""

import hmac
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.domain.clock import Clock

HEADER: Final = "X-API-Key"


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one key allows.

    `vehicles` are patterns of vehicle ids with `*` and `?`; `rate` is records per second, 0 for no bound.
    """

    key: Annotated[str, Meta(min_length=1)]
    vehicles: Sequence[str] = ("*",)
    rate: Annotated[float, Meta(ge=0)] = 0

    def __repr__(self) -> str:
        """Leave the key out, so that no log can show it."""
        return f"Grant(vehicles={self.vehicles!r}, rate={self.rate!r})"


class Caller:
    """Who sends with a key: what it may, and how much of its rate is left."""

    def __init__(self, grant: Grant, now: float) -> None:
        self._rate = grant.rate
        self._left = grant.rate
        self._filled_at = now
        self.permits = _permits(tuple(grant.vehicles))

    def wait(self, now: float) -> float:
        """Tell in how many seconds the caller may send again; 0 is now."""
        if not self._rate:
            return 0.0
        # One second's worth may be saved up, and one body may overdraw: how many records it holds shows only later.
        self._left = min(self._rate, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return max(0.0, -self._left / self._rate)

    def spend(self, records: int) -> None:
        self._left -= records


class Keyring:
    """The keys that are known, by their digests."""

    def __init__(self, grants: Sequence[Grant], clock: Clock) -> None:
        self._callers = [(_digest(grant.key), Caller(grant, clock.monotonic_s())) for grant in grants]

    def find(self, key: str) -> Caller | None:
        """Find who sends with `key`, in a time that tells nothing about any key."""
        presented = _digest(key)
        found = None
        for digest, caller in self._callers:
            if hmac.compare_digest(digest, presented):
                found = caller
        return found


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _permits(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    if "*" in patterns:
        return None  # whoever may speak for all need not be asked about each
    return lru_cache(maxsize=65_536)(
        lambda vehicle_id: any(fnmatchcase(vehicle_id, each) for each in patterns)
    )
