"""The page on the data contract names a test for each of its sentences, and each of these is there."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "data-contract.md").read_text()
ENTRIES = re.findall(r"^- (.*?)(?=^- |^## |\Z)", PAGE.partition("\n## ")[2], re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[:40])
def test_an_entry_names_tests_that_are_there(entry: str):
    tests = re.findall(r"`(test_\w+\.py)::(\w+)`", entry)
    assert tests
    for file, name in tests:
        assert f"\ndef {name}(" in (HERE / file).read_text()
