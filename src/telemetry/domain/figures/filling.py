"""When the figures of an hour are made anew that is still being filled: a pure rule.

New figures of an hour name all of its vehicles, however few records came. So at every look that found a new
object, figures alone would take many times the CPU of reading that object. While an hour lasts, its figures
are made anew only if one of these holds:

- They are small, so that they cost next to nothing.
- So much came that reading it costs more than they do, or takes most of a second.
- Nothing has come for some seconds.
- Something came that long ago that it should be in figures.
- They are not what was stored, something that they were made from is gone, or it is not known what they lack.

An hour that is over is always due. What an hour lacks is not read before it is due, and nothing of this is
stored: who starts anew knows nothing of an hour, which is due then.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, start_ms
from telemetry.domain.figures.find import Found
from telemetry.domain.figures.hour import Listing
from telemetry.domain.store.storage import ObjectInfo

_COMPRESSED: Final = ".zst"
_COMPRESSION: Final = 10
"""How many times as large compressed lines become when they are read."""


class FillingTerms(msgspec.Struct, frozen=True):
    """How long figures of an hour that is being filled may lack what is stored, and what they may cost.

    Figures of up to `small` bytes are made at every look. Those that are larger wait for `worth` bytes of
    lines for each of theirs, but not for more than `most` in all, until nothing has come for `quiet_ms`, or
    until something has waited for `longest_ms`.
    """

    longest_ms: int = 300_000
    quiet_ms: int = 5_000
    small: int = 65_536
    worth: int = 150
    most: int = 150_000_000


class _Known(msgspec.Struct, frozen=True):
    """What is known of an hour: how many bytes of lines are in its figures, and what it lacks.

    `seen` is the digest of its last listing, which was another before `changed_ms`. Since `lacking_ms` the
    hour has something that is in no figures.
    """

    published: int
    seen: str
    changed_ms: int
    lacking_ms: int | None = None


class Filling:
    """Remembers what the hours lack that last."""

    def __init__(self, terms: FillingTerms | None = None) -> None:
        self._terms = terms or FillingTerms()
        self._known: dict[Hour, _Known] = {}

    def is_due(self, found: Found, now_ms: int) -> bool:
        """Return whether figures of an hour have to be made; say by `forget` if they could not be."""
        known = self._known.pop(found.hour, None)
        if now_ms >= start_ms(found.hour) + HOUR_MS:
            return not found.is_current
        seen, size = found.listing.digest, _size(found.listing)
        changed_ms = known.changed_ms if known and known.seen == seen else now_ms
        if known and not found.is_current:
            lacking_ms = now_ms if known.lacking_ms is None else known.lacking_ms
            if not self._is_due(found, size - known.published, now_ms - changed_ms, now_ms - lacking_ms):
                self._known[found.hour] = _Known(known.published, seen, changed_ms, lacking_ms)
                return False
        self._known[found.hour] = _Known(size, seen, changed_ms)
        return not found.is_current

    def forget(self, hour: Hour) -> None:
        """Take note that figures of an hour could not be made, so that it is due."""
        self._known.pop(hour, None)

    def _is_due(self, found: Found, came: int, quiet_ms: int, lacking_ms: int) -> bool:
        """Judge an hour by the bytes that came, and for how long none came, or something lacks."""
        terms = self._terms
        figures = found.intact
        return (
            figures is None
            or came <= 0
            or came >= min(terms.worth * figures.size, terms.most)
            or figures.size <= terms.small
            or not 0 <= quiet_ms < terms.quiet_ms
            or not 0 <= lacking_ms < terms.longest_ms
        )


def _size(listing: Listing) -> int:
    """Return how many bytes of lines are listed, roughly."""
    return sum(map(_size_of, _infos(listing)))


def _infos(listing: Iterable[Iterable[ObjectInfo]]) -> Iterable[ObjectInfo]:
    return (info for tree in listing for info in tree)


def _size_of(info: ObjectInfo) -> int:
    return info.size * (_COMPRESSION if info.key.endswith(_COMPRESSED) else 1)
