"""Blocks of commands and links, as they stand in the documents.

A block of the language `console` holds commands, each after `$ `, and below a command some of the lines that
it prints, in their order; a `...` in a line stands for anything. A block that a test cannot run bears a mark
on the line before it: `<!-- needs: aws -->`, one of NEEDS. After `; tested by` the mark names the file that
runs the same commands in another way.
"""

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
DOCUMENTS: Final = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "src").rglob("*.md")),
]

NEEDS: Final = {
    "aws": "an account at AWS",
    "containers": "an engine for containers, and a registry for images",
    "machine": "a machine of its own, whose users and services it changes",
    "minutes": "more than a minute; CI or `make test-long` runs it",
    "terminal": "a terminal of its own, because it runs until it is stopped",
    "checkout": "a checkout of its own, which it changes",
}
"""What a block may need that a test has not."""

_FENCE: Final = re.compile(
    r"^(?:(?P<mark>[ ]*<!-- [^\n]* -->)\n)?(?P<indent>[ ]*)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_MARK: Final = re.compile(r"<!-- needs: (?P<need>\w+)(?:; tested by (?P<file>[\w/.-]+))? -->")
_LINK: Final = re.compile(r"(?<!!)\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)


class Command(NamedTuple):
    """A command as it stands in a document, and lines that it prints."""

    text: str
    prints: Sequence[str]

    @property
    def is_preparation(self) -> bool:
        """Whether it starts a role in the background, or sets a variable."""
        return self.text.endswith("&") or self.text.startswith("export ")


class Block(NamedTuple):
    """A block between fences; `mark` is the comment on the line before it, if there is one."""

    place: str
    language: str
    mark: str
    text: str

    @property
    def document(self) -> str:
        return self.place.partition(":")[0]

    @property
    def commands(self) -> Sequence[Command]:
        return list(_commands(self.text.splitlines()))

    @property
    def need(self) -> str | None:
        found = _MARK.fullmatch(self.mark)
        return found["need"] if found else None

    @property
    def tested_by(self) -> str | None:
        found = _MARK.fullmatch(self.mark)
        return found["file"] if found else None


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        place = f"{document.relative_to(ROOT)}:{line}"
        yield Block(place, found["language"], (found["mark"] or "").strip(), textwrap.dedent(found["text"]))


def links(document: Path) -> Sequence[str]:
    """Return what a document links to, without what stands in code."""
    prose = re.sub(r"^ *```.*?^ *```$|`[^`\n]*`", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [first or second for first, second in _LINK.findall(prose)]


def anchors(document: Path) -> set[str]:
    """Return the names by which the headings of a document are linked to."""
    prose = re.sub(r"^ *```.*?^ *```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _commands(lines: Sequence[str]) -> Iterator[Command]:
    """Read a block; a command goes on while a quote is open or a line ends in a backslash."""
    left = list(lines)
    while left:
        text = left.pop(0).removeprefix("$ ")
        while not _is_whole(text):
            text += f"\n{left.pop(0)}"
        prints = []
        while left and not left[0].startswith("$ "):
            prints.append(left.pop(0))
        yield Command(text, prints)


def _is_whole(text: str) -> bool:
    try:
        return bool(shlex.split(text))
    except ValueError:  # a quote is open, or nothing follows a backslash
        return False
