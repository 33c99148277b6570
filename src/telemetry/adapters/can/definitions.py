"""Definitions from several files, each for all buses or for one of them."""

from collections.abc import Sequence
from pathlib import Path

from telemetry.adapters.can.dbc import BMW_I3, Dbc
from telemetry.domain.can.frame import Reader


class Definitions:
    """The definitions of all buses; where several files define an id, the first one counts.

    One that is given for a bus comes before those for all.
    """

    def __init__(self, given: Sequence[str]) -> None:
        """Read files, each named `FILE` or `BUS=FILE`; without any, those that come with the package.

        Raise OSError or UnreadableError as `Dbc` does.
        """
        self.is_default = not given
        self.names = list(given) or [BMW_I3.name]
        self._files = [_read(each) for each in given] or [(None, Dbc())]

    def find(self, bus: str, can_id: int, is_extended: bool) -> Reader | None:  # noqa: FBT001  # as a frame has it
        """Return what decodes the frames of an id on a bus, None without a definition."""
        own = [dbc for name, dbc in self._files if name == bus]
        common = [dbc for name, dbc in self._files if name is None]
        found = (dbc.reader(can_id, is_extended) for dbc in (*own, *common))
        return next(filter(None, found), None)

    def buses(self) -> Sequence[str]:
        """List the buses that have definitions of their own."""
        return [name for name, _ in self._files if name is not None]


def _read(given: str) -> tuple[str | None, Dbc]:
    bus, equals, file = given.partition("=")
    if equals and not Path(given).exists():
        return bus, Dbc(Path(file))
    return None, Dbc(Path(given))
