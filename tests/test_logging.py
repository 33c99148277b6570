"""`docs/logging.md` lists every event of the code, and nothing else."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "src"
PAGE: Final = (ROOT / "docs" / "logging.md").read_text()
LEVELS: Final = {"debug", "info", "warning", "error"}
NO_FACTS: Final = {"exc_info"}


class Event(NamedTuple):
    """A kind of line: its name, its levels, and the facts that stand beside the name in the code."""

    levels: set[str]
    facts: set[str]


def in_code() -> Mapping[str, Event]:
    events: defaultdict[str, Event] = defaultdict(lambda: Event(set(), set()))
    for file in sorted(SOURCE.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and is_log(call.func) and call.args:
                for name in names(call.args[0], file):
                    assert isinstance(call.func, ast.Attribute)
                    events[name].levels.add(call.func.attr.upper())
                    events[name].facts.update(each.arg for each in call.keywords if each.arg)
    return events


def is_log(called: ast.expr) -> bool:
    """Return whether this is a level of something that is named as a log."""
    if not isinstance(called, ast.Attribute) or called.attr not in LEVELS:
        return False
    return re.fullmatch(r"(.*\.)?_?log(ger)?", ast.unparse(called.value)) is not None


def names(given: ast.expr, file: Path) -> Iterator[str]:
    """Yield the names of events that an expression stands for: a text, or constants of a module."""
    if isinstance(given, ast.Constant):
        found: object = given.value
    else:
        room = vars(import_module(".".join(file.relative_to(SOURCE).with_suffix("").parts)))
        named = given.value if isinstance(given, ast.Subscript) else given
        found = eval(ast.unparse(named), room)  # a name that stands in our own code
    for text in found.values() if isinstance(found, dict) else [found]:
        assert isinstance(text, str)
        head, colon, rest = text.partition(": ")
        yield head if colon and "%" in rest else text  # adapters have their facts in the text


def in_page() -> Mapping[str, Event]:
    rows = re.findall(r"^\| `(.+?)` \| ([A-Z, ]+) \| [\w, ]+ \| (.*?) \|", PAGE, re.MULTILINE)
    return {
        name: Event(set(levels.split(", ")), set(re.findall(r"`(\w+)`", facts)))
        for name, levels, facts in rows
    }


def test_the_page_lists_every_event_with_its_level():
    code, page = in_code(), in_page()
    assert {name: each.levels for name, each in code.items()} == {
        name: each.levels for name, each in page.items()
    }
    assert len(code) > 30


def test_the_page_names_every_fact_that_stands_beside_an_event():
    page = in_page()
    for name, each in in_code().items():
        assert each.facts - NO_FACTS <= page[name].facts, name
