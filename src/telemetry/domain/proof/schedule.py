"""Which fault comes when: drawn from a generator, so that one seed gives one order.

Kinds come in rounds, so that none is left to chance. Each round has every kind once, in an order of its own,
and then those again that come more often.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

_LONGEST_PAUSE_S: Final = 1.0


class Planned(NamedTuple):
    """A fault that is due: its kind, the pause before it, and a share from 0 to 1 for what else it draws."""

    kind: str
    pause_s: float
    share: float


def plan(times: Mapping[str, int], generator: np.random.Generator) -> Iterator[Planned]:
    """Yield faults without end; `times` says how often each kind comes in a round.

    Raise ValueError if there is no kind.
    """
    if not times:
        raise ValueError("there is no kind of fault to draw from")
    again = [kind for kind, number in times.items() for _ in range(number - 1)]
    while True:
        for kinds in (list(times), again):
            for place in generator.permutation(len(kinds)):
                pause_s, share = generator.random(2)
                yield Planned(kinds[place], float(pause_s) * _LONGEST_PAUSE_S, float(share))
