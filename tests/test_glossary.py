"""The glossary names every room and every module that there is, and no Markdown is wider than a screen."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.documents import DOCUMENTS, ROOT

SOURCE: Final = ROOT / "src" / "telemetry"
GLOSSARY: Final = (ROOT / "docs" / "glossary.md").read_text()
ROOMS: Final = ("domain", "adapters", "coordination", "entrypoints", "testing")
WIDEST: Final = 110

NAMED: Final = set(re.findall(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)*)`", GLOSSARY))
"""What the glossary names, as `domain.contract.record`: below the package, with no `telemetry.` before it."""

MARKDOWN: Final = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]


def _there() -> set[str]:
    """List the rooms and the modules as their names would be written in the glossary."""
    files = [file.relative_to(SOURCE) for room in ROOMS for file in (SOURCE / room).rglob("*.py")]
    return {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files}


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of Markdown that are in no code, in no table, and no address of a link."""
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        mark = line.lstrip()[:3]
        if mark in {"```", "~~~"} and fence in {"", mark}:
            fence = "" if fence else mark
        elif not fence and not re.match(r"    |\s*\||\[[^]]+\]: ", line):
            yield number, line


def test_every_room_and_every_module_is_in_the_glossary():
    assert sorted(_there() - NAMED) == []


def test_every_module_that_the_glossary_names_exists():
    assert sorted(NAMED - _there()) == []


def test_each_row_of_the_glossary_has_a_word_a_meaning_and_a_module():
    rows = [line.strip("|").split("|") for line in GLOSSARY.splitlines() if line.startswith("| ")]
    heads = [row for row in rows if row[0].strip() in {"word", "---"}]
    assert heads
    for word, meaning, module in (row for row in rows if row not in heads):
        assert word.strip()
        assert meaning.strip()
        assert re.findall(r"`([\w.]+)`", module), word


@pytest.mark.parametrize("name", MARKDOWN)
def test_no_prose_is_wider_than_a_screen(name: str):
    wide = [number for number, line in _prose((ROOT / name).read_text()) if len(line) > WIDEST]
    assert wide == [], f"{name}: break these lines before column {WIDEST}"
