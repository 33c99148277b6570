"""An entry of the file of keys: who it is for, what it allows, and the key or only its salted hash.

A hash is `sha256:SALT:DIGEST`, both in hexadecimal. A slow hash protects what can be guessed, and keys that
are made here cannot be: they are 256 random bits. So one fast digest a request is enough, if all hashes of a
file have one salt.
"""

import math
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_KEY: Final = re.compile(r"[!-~]+")  # what a header of HTTP carries as it is
_GLOB: Final = re.compile(r"[A-Za-z0-9._:*?-]+")  # the characters of a vehicle id, and what stands for some
_HASH: Final = re.compile(r"sha256:(?:[0-9a-f]{2}){8,64}:[0-9a-f]{64}")
_FIELD: Final = re.compile(r"[a-z_]{1,20}")  # not a key that stands in the wrong place
_MOST: Final = 1e9  # records a second
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One key. `vehicles` are patterns with `*` and `?`; `rate` is in records a second, and 0 is no bound."""

    name: str = ""
    key: str = ""
    hash: str = ""
    vehicles: Sequence[str] = ("*",)
    rate: float = 0
    expires: Annotated[datetime, Meta(tz=True)] | None = None

    def __repr__(self) -> str:
        """Leave out the key and its hash, so that no log can show them."""
        return f"Entry(name={self.name!r}, vehicles={self.vehicles!r}, rate={self.rate!r})"

    @property
    def salt(self) -> bytes:
        """Return the salt of the hash; an entry with the key itself has none."""
        return bytes.fromhex(self.hash.split(":")[1]) if self.hash else b""

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.hash.split(":")[2]) if self.hash else b""

    @property
    def expires_ms(self) -> int | None:
        """Return from when on the key is refused, in epoch milliseconds."""
        return None if self.expires is None else math.floor(self.expires.timestamp() * 1000)

    def digests(self, salts: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield salts, each with the digest of the key: all of `salts`, if the key itself is known."""
        if self.hash:
            yield self.salt, self.digest
        else:
            for salt in (b"", *salts):
                yield salt, sha256(salt + self.key.encode()).digest()

    def is_for(self, key: str) -> bool:
        """Return whether this is the entry of a key."""
        return (self.salt, sha256(self.salt + key.encode()).digest()) in self.digests(())


def label(number: int, name: str) -> str:
    """Return what an entry is called: its name, or its place in the file, from 1."""
    return name or f"entry {number}"


def made(entry: Entry, others: Sequence[Entry]) -> tuple[str, Entry]:
    """Make a key for an entry without one; return the key, and the entry with its hash."""
    salt = next((each.salt for each in others if each.hash), secrets.token_bytes(_SALT_BYTES))
    key = secrets.token_urlsafe(_KEY_BYTES)
    digest = sha256(salt + key.encode()).hexdigest()
    return key, msgspec.structs.replace(entry, hash=f"sha256:{salt.hex()}:{digest}")


def hashed(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries that hold no key itself, only hashes."""
    salt = next((each.salt for each in entries if each.hash), secrets.token_bytes(_SALT_BYTES))
    return [
        msgspec.structs.replace(
            each, key="", hash=f"sha256:{salt.hex()}:{sha256(salt + each.key.encode()).hexdigest()}"
        )
        if each.key
        else each
        for each in entries
    ]


def convert(found: Mapping[str, Any]) -> Entry:
    """Make an entry of what a file has. Raise ValueError saying what is wrong, without the key."""
    for field in found.keys() - set(Entry.__struct_fields__):
        raise ValueError(_unknown(field))
    try:
        entry = msgspec.convert(found, Entry)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise ValueError(f"{path.rstrip('`')}: {what}") from None
    for fault in faults(entry):
        raise ValueError(fault)
    if entry.key and entry.name == entry.key:
        raise ValueError("its name is its key")
    if bool(entry.key) == bool(entry.hash):
        raise ValueError("it has either a `key` or a `hash`")
    return entry


def faults(entry: Entry) -> Iterator[str]:
    """Yield what is wrong with each field by itself."""
    if entry.name and not _NAME.fullmatch(entry.name):
        yield "name: it is made of 1 to 64 of A-Z a-z 0-9 . _ : -"
    if entry.key and not _KEY.fullmatch(entry.key):
        yield "key: it has blanks or characters that no HTTP header carries; use visible ASCII characters"
    if entry.hash and not _HASH.fullmatch(entry.hash):
        yield "hash: it is sha256:SALT:DIGEST, as `telemetry keys add` writes it"
    if not entry.vehicles:
        yield 'vehicles: the list is empty; ["*"] is every vehicle'
    if not all(_GLOB.fullmatch(each) for each in entry.vehicles):
        yield "vehicles: a pattern is made of A-Z a-z 0-9 . _ : - and of * and ?, which stand for others"
    if not 0 <= entry.rate <= _MOST:  # which what is not a number is not either
        yield f"rate: it is 0 to {_MOST:.0f} records a second, and 0 is no bound"


def _unknown(field: str) -> str:
    known = Entry.__struct_fields__
    if not _FIELD.fullmatch(field):
        return f"unknown field; there are {', '.join(known)}"
    alike = get_close_matches(field, known, n=1)
    return f"unknown field {field}; " + (
        f"did you mean {alike[0]}?" if alike else f"there are {', '.join(known)}"
    )
