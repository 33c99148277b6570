"""The definitions of messages: which one a frame has, by its bus, its id, or its group (SAE J1939)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from telemetry.domain.can import j1939
from telemetry.domain.can.bits import BYTES
from telemetry.domain.can.layout import Cyclic, Layout


class Definition(NamedTuple):
    """A message; one of SAE J1939 is that of every frame of its group, whoever sends it."""

    name: str
    can_id: int
    is_extended: bool
    layout: Layout
    period_ms: int | None = None
    is_j1939: bool = False


class Catalogue:
    """The definitions of one file; `notes` say what was mended or left out, and which signals or messages.

    If a message is defined twice, the later one counts.
    """

    def __init__(
        self, definitions: Sequence[Definition], notes: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.definitions = definitions
        self.notes = notes or {}
        self._by_id = {(each.can_id, each.is_extended): each for each in definitions}
        self._by_source: dict[tuple[int, int], Definition] = {}
        self._by_group: dict[int, Definition] = {}
        for each in definitions:
            if each.is_j1939:
                group, source, _ = j1939.address(each.can_id)
                self._by_source[group, source] = each
                if source == j1939.NOBODY or group not in self._by_group:
                    self._by_group[group] = each

    @property
    def is_j1939(self) -> bool:
        """Whether a message is one of SAE J1939, so that its transport protocol may occur."""
        return bool(self._by_group)

    @property
    def cyclic(self) -> Sequence[Cyclic]:
        """The messages that are sent periodically, if they have a standard id and no more than 8 bytes."""
        return [
            Cyclic(each.can_id, each.period_ms, each.layout)
            for each in self.definitions
            if each.period_ms and not each.is_extended and each.layout.size <= BYTES
        ]

    def find(self, can_id: int, *, is_extended: bool) -> Definition | None:
        """Return the definition of a frame: that of its id, or of its group, its own source's first."""
        if (exact := self._by_id.get((can_id, is_extended))) or not (is_extended and self._by_group):
            return exact
        group, source, _ = j1939.address(can_id)
        return self._by_source.get((group, source)) or self._by_group.get(group)


class Definitions:
    """Catalogues, each for one bus, or for every bus if its bus is empty.

    Those for its own bus come first, and of several the one that was given first.
    """

    def __init__(self, catalogues: Iterable[tuple[str, Catalogue]]) -> None:
        self._catalogues = list(catalogues)
        self._found: dict[tuple[str, int, bool], Definition | None] = {}

    @property
    def is_j1939(self) -> bool:
        return any(each.is_j1939 for _, each in self._catalogues)

    def find(self, bus: str, can_id: int, *, is_extended: bool) -> Definition | None:
        """Return the definition of the frames of an id on a bus."""
        key = bus, can_id, is_extended
        if key not in self._found:
            own = [each for name, each in self._catalogues if name == bus and name]
            every = [each for name, each in self._catalogues if not name]
            candidates = (each.find(can_id, is_extended=is_extended) for each in (*own, *every))
            self._found[key] = next((each for each in candidates if each), None)
        return self._found[key]
