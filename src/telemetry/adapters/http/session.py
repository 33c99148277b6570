"""Sessions: who typed a key into the form sees the page for some hours, without the key in any address.

A session is a moment at which it ends, and a signature over that moment and the digest of the key. So
nothing is kept for it, and all workers of a receiver know it by the secret that they share. It ends with its
key: when that is revoked, changed or expires. The secret is made when the receiver starts, so that nobody who
reads a file of keys can make a session of a hash.
"""

import hmac
from hashlib import sha256
from typing import Final

from litestar.exceptions import NotAuthorizedException, TooManyRequestsException
from litestar.types import HTTPScope, Scope

from telemetry.adapters.http.auth import Caller, Grant, Keyring
from telemetry.domain.clock import Clock

COOKIE: Final = "telemetry_session"
LASTS_S: Final = 12 * 3600

WRONG_KEYS_EVERY_S: Final = 3.0
"""How often one address may try a key that is not known, on average; the second of two at once waits."""

_MOST_ADDRESSES: Final = 1024
_DIGITS: Final = 12  # of the moment in seconds at which a session ends


class Sessions:
    """Begins sessions, and knows those that it or another worker began."""

    def __init__(self, secret: bytes, keyring: Keyring, clock: Clock) -> None:
        self._secret = secret
        self._keyring = keyring
        self._clock = clock
        self._wrong: dict[str, Caller] = {}

    def begin(self, key: str, address: str) -> str:
        """Return the session of who has this key.

        Raise NotAuthorizedException if it is not known, and TooManyRequestsException if too many keys that
        are not known came from this address lately.
        """
        wrong = self._wrong.get(address)
        if wrong and (wait_s := wrong.wait_s(self._clock.monotonic_s())):
            raise TooManyRequestsException(
                "Too many keys that are not known came from your address. Wait a little.",
                headers={"Retry-After": str(round(wait_s) + 1)},
            )
        self._keyring.look_if_due()
        caller = self._keyring.find(key)
        if caller is None or self._is_expired(caller):
            self._note_wrong(address)
            raise NotAuthorizedException("This key is not known, or has expired.")
        self._wrong.pop(address, None)
        ends_s = f"{self._clock.wall_ms() // 1000 + LASTS_S:0{_DIGITS}d}"
        (digest,) = [digest for digest, each in self._keyring.callers() if each is caller]
        return f"{ends_s}.{self._signature(ends_s, digest)}"

    def is_valid(self, scope: Scope) -> bool:
        """Return whether a request bears a session that goes on."""
        ends_s, _, signature = session_of(scope).partition(".")
        if not (ends_s.isascii() and ends_s.isdecimal() and len(ends_s) == _DIGITS):
            return False
        if not self._clock.wall_ms() < int(ends_s) * 1000 <= self._clock.wall_ms() + LASTS_S * 1000:
            return False
        is_known = False
        for digest, caller in self._keyring.callers():
            is_same = hmac.compare_digest(self._signature(ends_s, digest).encode(), signature.encode())
            is_known |= is_same and not self._is_expired(caller)
        return is_known

    def _signature(self, ends_s: str, digest: bytes) -> str:
        return hmac.new(self._secret, ends_s.encode() + digest, sha256).hexdigest()

    def _is_expired(self, caller: Caller) -> bool:
        return caller.expires_ms is not None and self._clock.wall_ms() >= caller.expires_ms

    def _note_wrong(self, address: str) -> None:
        """Charge a wrong key to an address as a record is charged to a key that has a rate."""
        while len(self._wrong) >= _MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        wrong = self._wrong.setdefault(address, Caller(Grant(rate=1 / WRONG_KEYS_EVERY_S)))
        wrong.charge(1, self._clock.monotonic_s())


def session_of(scope: Scope) -> str:
    """Return the session that a request bears, or nothing."""
    for value in _values(scope, b"cookie"):
        for pair in value.split(";"):
            name, _, content = pair.strip().partition("=")
            if name == COOKIE:
                return content
    return ""


def is_same_site(scope: HTTPScope) -> bool:
    """Return whether a form was sent from a page of this receiver, as far as the browser says where from.

    A browser that says neither is an old one, which knows SameSite all the same, or no browser at all.
    """
    sites, origins = _values(scope, b"sec-fetch-site"), _values(scope, b"origin")
    if sites:
        return sites == ["same-origin"]
    hosts = _values(scope, b"host")
    return not origins or (origins[0] != "null" and [origins[0].partition("://")[2]] == hosts[:1])


def is_secure(scope: HTTPScope) -> bool:
    """Return whether the client sent the request over TLS, to the receiver or to a proxy before it."""
    forwarded = [value.partition(",")[0].strip().lower() for value in _values(scope, b"x-forwarded-proto")]
    said = ["https" for value in _values(scope, b"forwarded") if "proto=https" in value.lower()]
    return "https" in (scope["scheme"], *forwarded, *said)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for each, value in scope["headers"] if each == name]
