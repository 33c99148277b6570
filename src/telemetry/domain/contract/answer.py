"""What a receiver answers, and how it stays short however much was rejected."""

from collections.abc import Iterable
from typing import Final

import msgspec

from telemetry.domain.contract.record import Answer, Rejection

LEFT_OUT: Final = "left out"
"""The reason of a rejection that has no room for its own."""

_LONGEST_CHARACTER: Final = len(r"\u0000")
_FRAME: Final = len('{"index":18446744073709551615,"error":""},')  # bytes around a reason
_REST: Final = 256  # bytes for what is no rejection, and for the entry that counts those that are not listed

_encode: Final = msgspec.json.Encoder().encode


def bounded(answer: Answer, limit: int) -> Answer:
    """Return an answer whose JSON has at most `limit` bytes, which are 256 or more.

    A client finds its records by their indices, so these count most. Where not all reasons fit, the first
    ones do, and each rejection after them says `left out` instead. Only where not even the indices fit does
    the last entry stand for several: it has the index of the first record that is not listed, and says how
    many they are.
    """
    rejected = answer.rejected
    room = limit - _REST
    if sum(_FRAME + _LONGEST_CHARACTER * len(each.error) for each in rejected) <= room:
        return answer
    brief = [Rejection(each.index, LEFT_OUT) for each in rejected]
    listed, room = _fit((len(_encode(each)) + 1 for each in brief), room)
    if listed < len(brief):
        rest = f"this one and {len(brief) - listed - 1} more were rejected and are not listed"
        return Answer(answer.accepted, [*brief[:listed], Rejection(brief[listed].index, rest)])
    reasons, _ = _fit((max(0, len(_encode(each.error)) - len(_encode(LEFT_OUT))) for each in rejected), room)
    return Answer(answer.accepted, [*rejected[:reasons], *brief[reasons:]])


def _fit(sizes: Iterable[int], room: int) -> tuple[int, int]:
    """Return how many of the first sizes fit into so much room together, and what is left of it."""
    count = 0
    for size in sizes:
        if size > room:
            break
        room -= size
        count += 1
    return count, room
