"""API keys: for which vehicles each may send, and how many records a second."""

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

    `vehicles` are patterns of vehicle ids with `*` and `?`. `rate` is in records a second; 0 is no bound.
    """

    key: Annotated[str, Meta(min_length=1)]
    vehicles: Sequence[str] = ("*",)
    rate: Annotated[float, Meta(ge=0)] = 0

    def __repr__(self) -> str:
        """Leave the key out, so that no log can show it."""
        return f"Grant(vehicles={self.vehicles!r}, rate={self.rate!r})"


class Caller:
    """The sender with one key: what it may send, and how many records of its rate are left."""

    def __init__(self, grant: Grant, now_s: float) -> None:
        self._rate = grant.rate
        self._left = grant.rate
        self._filled_s = now_s
        self.permits = _permits(tuple(grant.vehicles))

    def wait_s(self, now_s: float) -> float:
        """Return in how many seconds the caller may send again; 0 is at once."""
        if not self._rate:
            return 0.0
        # The records of one second may be saved. One body may exceed what is left, because how many records
        # it holds is known only after it is parsed.
        self._left = min(self._rate, self._left + (now_s - self._filled_s) * self._rate)
        self._filled_s = now_s
        return max(0.0, -self._left / self._rate)

    def spend(self, records: int) -> None:
        """Subtract records that were sent from what is left."""
        self._left -= records


class Keyring:
    """The keys that are known, by their digests."""

    def __init__(self, grants: Sequence[Grant], clock: Clock) -> None:
        self._callers = [(_digest(grant.key), Caller(grant, clock.monotonic_s())) for grant in grants]

    def find(self, key: str) -> Caller | None:
        """Return the caller with `key`, if there is one, in a time that does not depend on any key."""
        presented = _digest(key)
        found = None
        for digest, caller in self._callers:
            if hmac.compare_digest(digest, presented):
                found = caller
        return found


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _permits(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Return what says whether a vehicle is permitted; None if all are, so that none has to be checked."""
    if "*" in patterns:
        return None
    return lru_cache(maxsize=65_536)(
        lambda vehicle_id: any(fnmatchcase(vehicle_id, each) for each in patterns)
    )
