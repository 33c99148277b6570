"""Every page of a decision has its number, its status, its alternatives and figures of what it costs."""

import re
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent.parent / "docs" / "adr"
PAGES: Final = {path.name: path.read_text() for path in sorted(FOLDER.iterdir())}
HEADINGS: Final = ("Context", "Decision", "What it costs", "Instead of")


def sections(page: str) -> dict[str, str]:
    _, *parts = re.split(r"^## ", PAGES[page], flags=re.MULTILINE)
    return {head: text for head, _, text in (part.partition("\n") for part in parts)}


def test_decisions_are_numbered_from_1_without_a_gap():
    assert [name[:4] for name in PAGES] == [f"{number:04}" for number in range(1, len(PAGES) + 1)]


@pytest.mark.parametrize("page", PAGES)
def test_a_decision_repeats_its_number_and_says_whether_it_holds(page: str):
    title, blank, status, *_ = PAGES[page].splitlines()
    assert re.fullmatch(r"[0-9]{4}(-[a-z0-9]+)+\.md", page)
    assert title.startswith(f"# {int(page[:4])}. ")
    assert blank == ""
    replaced = re.fullmatch(r"Replaced by ([0-9]{4})\.", status)
    assert replaced or status.startswith("Accepted.")
    assert not replaced or any(name.startswith(replaced[1]) for name in PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_decision_says_what_it_costs_in_figures_and_what_else_was_thought_of(page: str):
    found = sections(page)
    assert [head for head in HEADINGS if head not in found] == []
    assert re.search(r"[0-9]", found["What it costs"] + found.get("Measured", ""))
    assert len(re.findall(r"^- ", found["Instead of"], re.MULTILINE)) >= 2
