"""Files of definitions in pieces, each of which can be left out: messages, and in them signals."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol
from xml.etree import ElementTree as ET


class Piece(NamedTuple):
    """A message, or a signal in the message whose number is `owner`."""

    name: str
    owner: int | None = None


class Document(Protocol):
    """A file: its pieces by number, and its text with only some of them."""

    @property
    def pieces(self) -> Sequence[Piece]: ...

    def text(self, kept: Collection[int]) -> str: ...


class XmlDocument:
    """A KCD file, whose messages hold signals, or an ARXML file, of which a whole frame is left out."""

    _TAGS: Final[Mapping[str, Sequence[str]]] = {
        "Message": ("Signal", "Multiplex"),
        "CAN-FRAME-TRIGGERING": (),
    }

    def __init__(self, text: str) -> None:
        """Raise ValueError if it is no XML."""
        try:
            self._root = ET.fromstring(text.encode())  # noqa: S314  # expat refuses what grows by entities
        except ET.ParseError as error:
            raise ValueError(str(error)) from error
        self._children: dict[ET.Element, Sequence[tuple[ET.Element, int | None]]] = {}
        self.pieces: list[Piece] = []
        self._cut(self._root, None)

    def text(self, kept: Collection[int]) -> str:
        for parent, children in self._children.items():
            parent[:] = [child for child, number in children if number is None or number in kept]
        return ET.tostring(self._root, encoding="unicode")

    def _cut(self, element: ET.Element, owner: int | None) -> None:
        """Give a number to each piece in an element."""
        found: list[tuple[ET.Element, int | None]] = []
        for child in element:
            tag = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            number = None
            is_piece = tag in self._TAGS if owner is None else tag in self._TAGS["Message"]
            if is_piece:
                number = len(self.pieces)
                self.pieces.append(Piece(child.get("name") or _short_name(child), owner))
            found.append((child, number))
            if owner is None:
                self._cut(child, number)
        if any(number is not None for _, number in found):
            self._children[element] = found


class SymDocument:
    """A SYM file, in whose sections a message is what begins with its name in brackets."""

    _MESSAGES: Final = ("{SEND}", "{RECEIVE}", "{SENDRECEIVE}")
    _SIGNAL: Final = re.compile(r"\s*(?:Sig|Var|Mux)=\s*\"?([^\"\s]*)")

    def __init__(self, text: str) -> None:
        self.pieces: list[Piece] = []
        self._lines = list(self._cut(text.splitlines(keepends=True)))

    def text(self, kept: Collection[int]) -> str:
        return "".join(line for line, needed in self._lines if needed <= {*kept})

    def _cut(self, lines: Sequence[str]) -> Iterator[tuple[str, set[int]]]:
        """Yield each line with the numbers of the pieces without which it is left out."""
        messages: dict[str, int] = {}
        is_inside, owner = False, None
        for line in lines:
            head = line.strip()
            if head.startswith("{"):
                is_inside, owner = head in self._MESSAGES, None
            elif is_inside and head.startswith("["):
                name = head.strip("[]\"' ")
                owner = messages.setdefault(name, len(self.pieces))  # one that is multiplexed comes again
                if owner == len(self.pieces):
                    self.pieces.append(Piece(name))
            needed = set() if owner is None else {owner}
            if owner is not None and (found := self._SIGNAL.match(line)):
                needed.add(len(self.pieces))
                self.pieces.append(Piece(found[1], owner))
            yield line, needed


def _short_name(element: ET.Element) -> str:
    """Return the name of an element of ARXML."""
    found = (each.text for each in element if each.tag.rpartition("}")[2] == "SHORT-NAME")
    return next(found, None) or "?"
