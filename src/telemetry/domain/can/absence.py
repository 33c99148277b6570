"""Which raw values of a field say that there is no value.

By convention (SAE J1939-71, and the BMW i3's bus) a sender that does not know a value sets all bits of its
field. So all ones in an unsigned field are 'not available', unless the definition says otherwise. First
counts what it calls that value: a state, or something like 'invalid'. Then counts its range, which excludes
or includes it. Without both, all ones are 'not available' in a field of at least one byte. Narrower fields
hold states and counters, in which all ones may be a value like any other. A single bit, and -1 in a signed
field, are always values.

A message of SAE J1939 has more: below all ones there is an error indicator, and from a byte on there are
values for other purposes. All of these are no values, whatever the range is, but for those that are named as
a state.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_NARROWEST: Final = 8  # bits that a field without a range needs to count as a measured value
_ABSENT: Final = re.compile(
    r"not[\W_]*(avail|valid)|unavail|\binvalid|\bn/?a\b|\bsna\b|signal not|\bno (data|signal|value)|nicht verf|"
    r"ung(ü|ue)ltig",
    re.IGNORECASE,
)
_J1939_ABSENT: Final = re.compile(
    r"\berror|\breserved|don.?t care|take no action|\bfault|\bno action", re.IGNORECASE
)


class Absence(NamedTuple):
    """The raw values from `first` on are no values, but for `states`; those in `errors` say so of a fault."""

    first: int
    errors: range = range(0)
    states: frozenset[int] = frozenset()


def of_any(bits: int, states: Mapping[int, str], *, is_in_range: bool | None) -> Absence | None:
    """Return which raw values of an unsigned field are none; None if all are values.

    `is_in_range` says whether the definition's range includes all ones; it is None without a range.
    """
    all_ones = 2**bits - 1
    if bits == 1:
        return None
    if label := states.get(all_ones):
        is_value = not _ABSENT.search(label)
    else:
        is_value = bits < _NARROWEST if is_in_range is None else is_in_range
    return None if is_value else Absence(all_ones)


def of_j1939(bits: int, states: Mapping[int, str]) -> Absence | None:
    """Return which raw values of an unsigned field of J1939 are none; None if all are values."""
    if bits == 1:
        return None
    first, errors = _reserved(bits)
    named = {raw for raw, label in states.items() if first <= raw < 2**bits and not _says_none(label)}
    return Absence(first, errors, frozenset(named))


def _reserved(bits: int) -> tuple[int, range]:
    """Return the first raw value that is none, and the error indicators."""
    all_ones = 2**bits - 1
    if bits < _NARROWEST:
        return all_ones - 1, range(all_ones - 1, all_ones)
    if bits % 4:
        return all_ones - 4, range(all_ones - 1, all_ones)
    return 0xFB << bits - 8, range(0xFE << bits - 8, 0xFF << bits - 8)


def _says_none(label: str) -> bool:
    return bool(_ABSENT.search(label) or _J1939_ABSENT.search(label))
