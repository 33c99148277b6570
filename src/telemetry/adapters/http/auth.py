"""API keys: for which vehicles each may send, and how many records a second."""

import hmac
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Final, Protocol

import msgspec
from litestar.exceptions import NotAuthorizedException
from msgspec import Meta

from telemetry.domain.clock import Clock

HEADER: Final = "X-API-Key"

Headers = Mapping[bytes, bytes]

_KEY: Final = HEADER.lower().encode()
_CHALLENGE: Final = {"WWW-Authenticate": f'ApiKey header="{HEADER}"'}
_SAVED_S: Final = 1.0
"""For how long what is not sent may be sent later."""
_OVERDRAWN_S: Final = 60.0
"""For how long a key waits at the most after a body that its rate did not cover."""
_LOOK_EVERY_S: Final = 1.0


class ExpiredKeyError(NotAuthorizedException):
    """A key was known once; `sender` is its name."""

    sender: str = ""


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one key allows.

    `vehicles` are patterns of vehicle ids with `*` and `?`. `rate` is in records a second; 0 is no bound.
    From `expires_ms` on, in epoch milliseconds, the key is refused. A key that is not known itself is known
    by its `digest`, which is the SHA-256 of `salt` and key.
    """

    key: str = ""
    vehicles: Sequence[str] = ("*",)
    rate: Annotated[float, Meta(ge=0)] = 0
    name: str = ""
    expires_ms: int | None = None
    salt: bytes = b""
    digest: bytes = b""

    def __repr__(self) -> str:
        """Leave the key out, so that no log can show it."""
        return f"Grant(vehicles={self.vehicles!r}, rate={self.rate!r})"

    @property
    def identity(self) -> bytes:
        """Return what the key has in common with its own past and with other processes."""
        return sha256(
            b"\0".join((self.name.encode(), b"" if self.name else self.key.encode() + self.digest))
        ).digest()


class Due(Protocol):
    """Until when all that a key has sent takes at its rate, in seconds of the monotonic clock."""

    def read(self) -> float: ...

    def change(self, to: Callable[[float], float]) -> None:
        """Replace it by a function of it, while nobody else does the same."""
        ...


class LocalDue:
    """A due that no other process shares."""

    def __init__(self) -> None:
        self._due_s = -math.inf

    def read(self) -> float:
        return self._due_s

    def change(self, to: Callable[[float], float]) -> None:
        self._due_s = to(self._due_s)


class Caller:
    """The sender with one key: what it may send, and how many records of its rate are left."""

    def __init__(self, grant: Grant, due: Due | None = None) -> None:
        self.name = grant.name
        self.rate = grant.rate
        self.expires_ms = grant.expires_ms
        self.permits = _permits(tuple(grant.vehicles))
        self._due = due or LocalDue()
        # A key whose rate is less than a record a minute waits for that one record.
        self._most_s = _SAVED_S + max(_OVERDRAWN_S, 1 / self.rate if self.rate else 0)

    def wait_s(self, now_s: float) -> float:
        """Return in how many seconds the caller may send again; 0 is at once."""
        if not self.rate:
            return 0.0
        # A body may exceed what is left, because how many records it holds is known after it is parsed.
        return max(0.0, min(self._due.read() - now_s, self._most_s) - _SAVED_S)

    def charge(self, records: int, now_s: float) -> float:
        """Subtract records from what is left; return for how many seconds they count."""
        if not self.rate:
            return 0.0
        most_s = now_s + self._most_s
        charged_s = 0.0

        def later(due_s: float) -> float:
            nonlocal charged_s
            from_s = min(max(due_s, now_s), most_s)
            charged_s = min(records / self.rate, most_s - from_s)
            return from_s + charged_s

        self._due.change(later)
        return charged_s

    def refund(self, charged_s: float) -> None:
        """Take back what `charge` returned."""
        if charged_s:
            self._due.change(lambda due_s: due_s - charged_s)


class Renewed(Protocol):
    """Looks for other grants."""

    def __call__(self, *, closely: bool) -> Sequence[Grant] | None:
        """Return other grants, if there are any; look `closely` even if nothing seems to have changed."""
        ...


_Group = tuple[bytes, Sequence[tuple[bytes, Caller]]]
"""A salt, and the callers by the digests of their keys under it."""


class Keyring:
    """The keys that are known, by their digests."""

    def __init__(
        self,
        grants: Sequence[Grant],
        clock: Clock,
        due: Callable[[bytes], Due] = lambda _: LocalDue(),
        renewed: Renewed | None = None,
    ) -> None:
        """Begin with `grants`.

        `due` makes the due of a key by its identity. `renewed` is asked for other grants.
        """
        self._clock = clock
        self._make_due = due
        self._dues: dict[bytes, Due] = {}
        self._renewed = renewed
        self._groups: Sequence[_Group] = ()
        self.look_at_s = clock.monotonic_s() + _LOOK_EVERY_S if renewed else math.inf
        """When to look for other grants."""
        self.replace(grants)

    def find(self, key: str) -> Caller | None:
        """Return the caller with `key`, if there is one, in a time that does not depend on any key."""
        found = None
        for salt, callers in self._groups:
            presented = sha256(salt + key.encode()).digest()
            for digest, caller in callers:
                if hmac.compare_digest(digest, presented):
                    found = caller
        return found

    def callers(self) -> Iterator[tuple[bytes, Caller]]:
        """Yield each caller with the digest of its key."""
        for _, callers in self._groups:
            yield from callers

    def look_if_due(self) -> None:
        """Look whether there are other grants, if the last look is some time ago."""
        if self._clock.monotonic_s() >= self.look_at_s:
            self.look()

    def look(self, *, closely: bool = False) -> None:
        """Look whether there are other grants, and let them count from now on."""
        if self._renewed:
            self.look_at_s = self._clock.monotonic_s() + _LOOK_EVERY_S
            if (grants := self._renewed(closely=closely)) is not None:
                self.replace(grants)

    def replace(self, grants: Sequence[Grant]) -> None:
        """Let these grants count, and no others. A key that stays keeps what is left of its rate."""
        dues = {
            each.identity: self._dues.get(each.identity) or self._make_due(each.identity)
            for each in grants
            if each.rate
        }
        # All keys that are known themselves join the first salt, so that there is one digest a request.
        joined = next((each.salt for each in grants if each.digest), b"")
        groups: dict[bytes, list[tuple[bytes, Caller]]] = {}
        for each in grants:
            salt, digest = (
                (each.salt, each.digest)
                if each.digest
                else (joined, sha256(joined + each.key.encode()).digest())
            )
            groups.setdefault(salt, []).append((digest, Caller(each, dues.get(each.identity))))
        self._dues = dues
        self._groups = tuple(groups.items())


def caller_of(headers: Headers, keyring: Keyring, clock: Clock) -> Caller:
    """Return the caller whose key is in the headers.

    Raise NotAuthorizedException for a key that is missing, unknown or expired.
    """
    key = headers.get(_KEY, b"").decode("latin-1")
    caller = keyring.find(key)
    if not caller:
        raise NotAuthorizedException(
            f"The key in {HEADER} is not known." if key else f"Send your key in the header {HEADER}.",
            headers=_CHALLENGE,
        )
    if caller.expires_ms is not None and clock.wall_ms() >= caller.expires_ms:
        error = ExpiredKeyError(f"The key in {HEADER} has expired.", headers=_CHALLENGE)
        error.sender = caller.name
        raise error
    return caller


def _permits(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Return what says whether a vehicle is permitted; None if all are, so that none has to be checked."""
    if "*" in patterns:
        return None
    return lru_cache(maxsize=65_536)(
        lambda vehicle_id: any(fnmatchcase(vehicle_id, each) for each in patterns)
    )
