"""How the signals of definitions are named in a payload: in snake_case, and each by a name of its own."""

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final, NamedTuple

from telemetry.domain.contract.signals import MAX_NAME, NAME

# Where a word begins inside a name: pack|Current, HV|Battery. A single small letter is the prefix of a unit:
# _kWh.
_INSIDE: Final = re.compile(r"(?<=[a-z0-9])(?<!_[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9]+")
_PREFIX: Final = "signal"  # of a name that does not begin with a letter


class Names(NamedTuple):
    """The names (snake_case) of signals, in their order; `notes` say which signals had to be renamed."""

    names: Sequence[str]
    notes: Sequence[str]


def snake_names(originals: Sequence[str]) -> Names:
    """Name the signals of one message: `pack_current_a` for `pack_current_A`.

    What no payload takes is mended: a name that begins with a digit gets a prefix, one that is too long is
    cut, and of signals that would share a name the later ones get a number. A signal that is in snake_case
    already keeps its name.
    """
    taken = {each: place for place, each in reversed([*enumerate(originals)]) if _snake(each) == each}
    names, notes = [], []
    for place, original in enumerate(originals):
        wanted = _snake(original)
        name = wanted if taken.get(wanted, place) == place else _free(wanted, taken)
        taken[name] = place
        names.append(name)
        if name != _plain(original):
            notes.append(f"{original} is named {name}")
    return Names(names, notes)


def _plain(original: str) -> str:
    return _BETWEEN.sub("_", _INSIDE.sub("_", original)).strip("_").lower()


def _snake(original: str) -> str:
    plain = _plain(original)
    return (plain if NAME.fullmatch(plain) else f"{_PREFIX}_{plain}".strip("_"))[:MAX_NAME]


def _free(wanted: str, taken: Mapping[str, int]) -> str:
    """Return the first of name_2, name_3 and so on that is not taken."""
    numbered = (f"{wanted[: MAX_NAME - 1 - len(str(number))]}_{number}" for number in count(2))
    return next(name for name in numbered if name not in taken)
