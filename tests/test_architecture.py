"""The page on the architecture names what there is."""

import re
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
DOMAIN: Final = ROOT / "src" / "telemetry" / "domain"
PAGE: Final = (ROOT / "docs" / "architecture.md").read_text()
NAMES: Final = sorted(set(re.findall(r"`([a-z_]+(?:\.\w+)+)`", PAGE)))
DIAGRAMS: Final = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
SUBJECTS: Final = sorted(path.parent.name for path in DOMAIN.glob("*/__init__.py"))


def _found(name: str) -> object:
    """Find what the page calls `name`: a module of the domain or of another room, or a part of one."""
    is_of_domain = any(
        (DOMAIN / name.partition(".")[0]).with_suffix(suffix).exists() for suffix in ("", ".py")
    )
    parts = ["telemetry", *(["domain"] if is_of_domain else []), *name.split(".")]
    found: object = import_module("telemetry")
    for end in range(2, len(parts) + 1):
        # A module is not always a name in its package: tests import some again, without what they need.
        found = getattr(found, parts[end - 1], None) or import_module(".".join(parts[:end]))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_exists(name: str):
    assert _found(name) is not None


def test_the_walks_name_what_they_pass():
    assert len(NAMES) > 50


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_is_in_the_diagram_of_the_rooms(subject: str):
    assert re.search(rf"\b{subject}\b", DIAGRAMS[2])


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    head = 0
    for number, line in enumerate(PAGE.splitlines(), start=1):
        cells = line.count("|") if line.startswith("|") else 0
        assert cells in {0, head or cells}, number
        head = cells


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", PAGE))))
def test_what_is_linked_exists(target: str):
    assert (ROOT / "docs" / target).exists()
