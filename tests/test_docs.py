"""The commands of the documents do what the text beside them says, and their links lead somewhere.

How a block of commands is written, `tests/documents.py` says. The blocks of a document that bear no mark run
in their order, in a folder that holds the data directory as well, and beside the roles that "By hand" in
docs/commands.md starts.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.entrypoints.process import cli
from tests.documents import DOCUMENTS, NEEDS, ROOT, Block, Command, anchors, blocks, links

TEXT: Final = "\n".join(document.read_text() for document in DOCUMENTS)
BLOCKS: Final = [block for document in DOCUMENTS for block in blocks(document)]
COMMANDS: Final = [block for block in BLOCKS if block.language == "console"]
BY_HAND: Final = next(
    block for block in COMMANDS if any(command.is_preparation for command in block.commands)
)
REPOSITORY: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]

_BIN: Final = ".venv/bin/"
_URL: Final = "http://127.0.0.1:8000"
_SENDERS: Final = re.compile(r"\btelemetry (?:simulator|load-test|replay)\b")
_STARTED: Final = {"receiver": "startup complete", "consumer": "Started", "aggregator": "Started"}


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[Pipeline]:
    """The roles as docs/commands.md starts them by hand."""
    pipeline = Pipeline(tmp_path)
    try:
        for command in BY_HAND.commands:
            if command.is_preparation:
                prepare(pipeline, command)
        yield pipeline
    finally:
        pipeline.stop_all()


def prepare(pipeline: Pipeline, command: Command) -> None:
    """Set a variable, or start a role if it does not run yet.

    The receiver listens on a free port instead of 8000.
    """
    program, role, *options = shlex.split(command.text.removesuffix("&"))
    if program == "export":
        name, _, value = role.partition("=")
        pipeline.environment[name] = value
    elif role not in pipeline.running:
        assert program == f"{_BIN}telemetry"
        pipeline.start(role, *options)
        wait_until(lambda: _STARTED[role] in pipeline.log(role), f"the {role} to start")


def run(pipeline: Pipeline, command: Command) -> str:
    """Run a command in a shell and return what it prints.

    Its text is changed in two places. `.venv/bin/` is the folder of the Python that runs this. The receiver's
    port is the free one; what sends is given it as an option, because the documents rely on its default.
    """
    text = _SENDERS.sub(rf"\g<0> --url {_URL}", command.text).replace(_URL, pipeline.url)
    done = subprocess.run(
        ["bash", "-c", text.replace(_BIN, f"{shlex.quote(str(Path(sys.executable).parent))}/")],
        check=False,
        env=pipeline.environment,
        cwd=pipeline.logs,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{command.text}: {done.stdout}"
    return done.stdout


def shows(output: str, prints: Sequence[str]) -> bool:
    """Return whether these lines are in an output, in their order."""
    patterns = [re.escape(line).replace(re.escape("..."), ".*") for line in prints]
    left = iter(output.splitlines())
    return all(any(re.fullmatch(pattern, line) for line in left) for pattern in patterns)


@pytest.mark.parametrize("document", sorted({block.document for block in COMMANDS if not block.mark}))
def test_the_blocks_of_a_document_do_in_their_order_what_is_written_below_them(
    by_hand: Pipeline, document: str
):
    for block in COMMANDS:
        if block.document == document and not block.mark:
            follow(by_hand, block)


def follow(pipeline: Pipeline, block: Block) -> None:
    """Do what a block says, and see whether its commands print what stands below them."""
    for command in block.commands:
        for program in ("curl", "rsync"):
            if command.text.startswith(f"{program} ") and not shutil.which(program):
                pytest.skip(f"there is no {program}")
        if command.is_preparation:
            prepare(pipeline, command)
        else:
            output = run(pipeline, command)
            assert shows(output, command.prints), f"{block.place}: {output}"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_is_run_or_bears_a_mark_that_says_what_it_needs(block: Block):
    assert block.language, "a block names its language; `text` is one"
    assert block.language not in {"sh", "bash", "shell"}, "commands stand in a block of `console`, after `$ `"
    if block.language == "console":
        assert block.text.startswith("$ ")
        assert not block.mark or block.need in NEEDS, block.mark
        assert not block.tested_by or (ROOT / block.tested_by).is_file(), block.mark
    else:
        assert not block.need, "only commands are run"


def test_a_need_is_one_of_a_block():
    assert {block.need for block in COMMANDS} - {None} == NEEDS.keys()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_to_a_file_and_to_a_heading_in_it(document: Path):
    for link in links(document):
        target, _, anchor = link.partition("#")
        inside = re.sub(rf"^{re.escape(REPOSITORY)}/(?:blob|tree|raw)/main/", "/", target)
        if "://" in inside or inside.startswith("mailto:"):
            continue
        path = ROOT / inside[1:] if inside.startswith("/") else document.parent / inside
        file = path if inside else document
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def test_the_record_that_is_sent_by_hand_is_stored_apart(by_hand: Pipeline):
    if not shutil.which("curl"):
        pytest.skip("there is no curl")
    run(by_hand, next(command for command in BY_HAND.commands if command.text.startswith("curl ")))
    wait_until(lambda: by_hand.stored() == 1, "the record to be stored")
    assert list(by_hand.data.glob("skewed/**/*.jsonl"))


def test_every_command_of_make_that_a_document_names_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|^\$ |^    )make ([a-z][a-z-]*)", TEXT, re.MULTILINE))
    assert named
    assert [target for target in sorted(named) if f"\n{target}:" not in makefile] == []


def test_every_command_of_telemetry_that_a_document_names_is_one():
    named = set(re.findall(r"(?:`|\.venv/bin/)telemetry ([a-z][a-z-]*)", TEXT))
    assert named <= cli.ROLES.keys()
