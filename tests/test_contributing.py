"""CONTRIBUTING names files and commands that there are."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "CONTRIBUTING.md").read_text()
MAKEFILE: Final = (ROOT / "Makefile").read_text()
FILES: Final = sorted(set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|md|yaml|dbc))`", PAGE)))
PLACEHOLDER: Final = re.compile(r"NAME|SUBJECT|NNNN|retain")
TARGETS: Final = sorted(set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)))


@pytest.mark.parametrize("name", [name for name in FILES if not PLACEHOLDER.search(name)])
def test_every_file_that_is_named_exists(name: str):
    assert any(
        (folder / name).exists()
        for folder in (ROOT, ROOT / "src" / "telemetry", ROOT / "src" / "telemetry" / "domain")
    )


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)", PAGE))))
def test_every_target_that_is_named_exists(target: str):
    assert target in TARGETS


@pytest.mark.parametrize(
    "name",
    [
        "The subjects of the domain: each knows those below it, and none beside it",
        "Inside store: use-cases, port, rules",
        "Every third-party client has one door",
        "Adapters do not know each other",
    ],
)
def test_the_contracts_that_are_quoted_are_named_so(name: str):
    assert name in " ".join(PAGE.split())
    assert f"name = {name}\n" in (ROOT / ".importlinter").read_text()


def test_make_help_explains_every_target():
    said = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory", "help"], capture_output=True, check=True, text=True
    )
    explained = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in said.stdout.splitlines()}
    assert sorted(explained) == TARGETS
