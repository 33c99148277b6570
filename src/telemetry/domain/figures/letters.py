"""Texts of one length as rows of letters: which are the same is found without a text of each."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Letters = npt.NDArray[np.uint8]
"""A row a text, in ASCII or UTF-8."""
Places = npt.NDArray[np.int64]

_WORD: Final = 8  # bytes that are compared at once
_HALF: Final = 32  # bits of an integer


def number(letters: Letters) -> tuple[Places, Places]:
    """Give each different row a number; return where each number occurs, and the number of each row.

    There is at least one row.
    """
    different = [word for word in _words(letters).T if (word != word[0]).any()]
    if not different:
        return np.zeros(1, np.int64), np.zeros(len(letters), np.int64)
    firsts, place = _number(different[0])
    for word in different[1:]:
        # Numbers are below the number of rows, so that two fit into one integer.
        firsts, place = _number(place << _HALF | _number(word)[1])
    return firsts, place


def _number(values: npt.NDArray[Any]) -> tuple[Places, Places]:
    order = np.argsort(values)
    ordered = values[order]
    is_first = np.append(True, ordered[1:] != ordered[:-1])
    place = np.empty(values.size, np.int64)
    place[order] = np.cumsum(is_first) - 1
    return order[is_first], place


def runs(letters: Letters) -> tuple[Places, Places]:
    """Return where rows begin that differ from the row before, and how often each is repeated from there."""
    is_new = np.ones(len(letters), np.bool_)
    is_new[1:] = False
    for word in _words(letters).T:
        is_new[1:] |= word[1:] != word[:-1]
    firsts = np.flatnonzero(is_new)
    return firsts, np.diff(np.append(firsts, len(letters)))


def _words(letters: Letters) -> npt.NDArray[np.uint64]:
    """Return rows as words, filled up by zeros."""
    rows, width = letters.shape
    padded = np.zeros((rows, -(-width // _WORD) * _WORD), np.uint8)
    padded[:, :width] = letters
    return padded.view(np.uint64)
