"""Finds the pieces of a file that make a parser refuse all of it, and leaves them out alone."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Final, Generic, TypeVar

from telemetry.adapters.can.pieces import Document
from telemetry.domain.can.entries import Notes

T = TypeVar("T")

_WHY: Final = 120  # characters of a reason


class Salvage(Generic[T]):
    """What can be read of a document by `parse`, which raises ValueError."""

    def __init__(self, document: Document, parse: Callable[[str], T]) -> None:
        self._document = document
        self._parse = parse
        self._faults: dict[int, str] = {}
        self._inside: defaultdict[int, list[int]] = defaultdict(list)
        for number, piece in enumerate(document.pieces):
            if piece.owner is not None:
                self._inside[piece.owner].append(number)

    def read(self, notes: Notes) -> T:
        """Return what is read without the odd pieces, and note them.

        Raise ValueError if something outside of all messages is not understood.
        """
        self._parse(self._document.text(()))
        messages = [number for number, each in enumerate(self._document.pieces) if each.owner is None]
        whole = self._sound(messages, ())
        kept = {*self._with_inside(whole)}
        for message in (each for each in messages if each not in kept):
            if inside := self._sound(self._inside[message], (message,)):
                kept |= {message, *inside}
                self._faults.pop(message)
        for number, why in sorted(self._faults.items()):
            if number not in kept and self._document.pieces[number].owner in {None, *kept}:
                notes["left out, it is not understood"].append(f"{self._named(number)}: {why}")
        return self._parse(self._document.text(kept))

    def _sound(self, numbers: Sequence[int], beside: Collection[int]) -> Sequence[int]:
        """Return the pieces that are read beside others: all at once, or else those of each half."""
        fault = self._fault([*beside, *self._with_inside(numbers)])
        if not fault or not numbers:
            return numbers
        if len(numbers) == 1:
            self._faults[numbers[0]] = fault
            return []
        half = len(numbers) // 2
        return [*self._sound(numbers[:half], beside), *self._sound(numbers[half:], beside)]

    def _fault(self, kept: Collection[int]) -> str:
        """Return why these pieces are not read; nothing if they are."""
        try:
            self._parse(self._document.text(kept))
        except ValueError as error:
            return " ".join(str(error).split())[:_WHY] or type(error).__name__
        return ""

    def _with_inside(self, numbers: Sequence[int]) -> list[int]:
        return [each for number in numbers for each in (number, *self._inside[number])]

    def _named(self, number: int) -> str:
        piece = self._document.pieces[number]
        return (
            piece.name if piece.owner is None else f"{piece.name} ({self._document.pieces[piece.owner].name})"
        )
