"""Rows of letters: the same texts get the same number."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.figures import letters
from telemetry.domain.figures.letters import Letters

TEXTS = st.integers(0, 20).flatmap(
    lambda length: st.lists(st.text("ab\x00", min_size=length, max_size=length), min_size=1, max_size=12)
)


def rows_of(texts: list[str]) -> Letters:
    return np.frombuffer("".join(texts).encode(), np.uint8).reshape(len(texts), -1 if texts[0] else 0)


@given(TEXTS)
def test_the_same_texts_have_the_same_number(texts):
    somewhere, place = letters.number(rows_of(texts))
    assert [texts[somewhere[each]] for each in place] == texts
    assert len(somewhere) == len(set(texts))


@given(TEXTS)
def test_a_text_that_is_repeated_is_there_once(texts):
    firsts, times = letters.runs(rows_of(texts))
    assert [texts[first] for first, count in zip(firsts, times, strict=True) for _ in range(count)] == texts
    kept = [texts[first] for first in firsts]
    assert all(one != other for one, other in pairwise(kept))
