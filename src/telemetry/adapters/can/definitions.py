"""Definitions from several files, each for all buses or for one of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from telemetry.adapters.can import catalogue
from telemetry.adapters.can.catalogue import BMW_I3
from telemetry.domain.can import definitions
from telemetry.domain.can.definitions import Catalogue
from telemetry.domain.can.replay import Decoder


class Definitions:
    """The definitions of all buses; where several files define an id, the first one counts.

    One that is given for a bus comes before those for all. `notes` say of each file what in it was mended or
    left out, and which signals or messages. `is_j1939` says whether messages of SAE J1939 are among them.
    """

    def __init__(self, given: Sequence[str]) -> None:
        """Read files, or those that come with the package if none is given.

        Each is named `FILE` or `BUS=FILE`, and `#NETWORK` after it chooses one of the buses in it.
        Raise OSError or UnreadableError as `catalogue.read` does.
        """
        self.is_default = not given
        self.names = list(given) or [BMW_I3.name]
        self._files = [_read(each) for each in given] or [("", catalogue.read())]
        self._all = definitions.Definitions(self._files)
        self.notes: Mapping[str, Mapping[str, Sequence[str]]] = {
            name: file.notes for name, (_, file) in zip(self.names, self._files, strict=True) if file.notes
        }
        self.is_j1939 = self._all.is_j1939

    def find(self, bus: str, can_id: int, is_extended: bool) -> Decoder | None:  # noqa: FBT001  # as a frame has it
        """Return what decodes the frames of an id on a bus, None without a definition."""
        found = self._all.find(bus, can_id, is_extended=is_extended)
        return found.layout.parts if found else None

    def buses(self) -> Sequence[str]:
        """List the buses that have definitions of their own."""
        return [name for name, _ in self._files if name]


def _read(given: str) -> tuple[str, Catalogue]:
    bus, equals, file = given.partition("=")
    if not equals or Path(given).exists():
        bus, file = "", given
    path, mark, network = file.rpartition("#")
    if not mark or Path(file).exists():
        path, network = file, ""
    return bus, catalogue.read(Path(path), network)
