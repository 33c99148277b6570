"""How long to pause before something that failed is tried again."""

from collections.abc import Callable


class Backoff:
    """Pauses that double from `first_s` up to `longest_s`, each longer by up to the same again, by chance.

    `draw` returns a random number from 0 up to 1, which keeps those apart that failed together. Without it
    the pauses are exact.
    """

    def __init__(self, first_s: float, longest_s: float, draw: Callable[[], float] = lambda: 0.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._draw = draw
        self._next_s = first_s

    def pause_s(self, at_least_s: float = 0.0) -> float:
        """Return the next pause; `at_least_s` is what the other side asked for."""
        pause_s = self._next_s
        self._next_s = min(2 * pause_s, self._longest_s)
        return max(at_least_s, pause_s) + self._draw() * pause_s

    def reset(self) -> None:
        """Begin anew, because something succeeded."""
        self._next_s = self._first_s
