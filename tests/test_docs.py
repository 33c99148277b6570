"""The commands of the README and of docs/ do what the text beside them says.

A block of the language `console` holds commands, each after `$ `, and below a command some of the lines that
it prints, in their order; a `...` in a line stands for anything. Every block runs in a folder of its own,
which holds its data directory as well, and beside the roles that "By hand" in docs/commands.md starts.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.entrypoints.process import cli

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(document.read_text() for document in DOCUMENTS)

NOT_RUN: Final = {
    "make": "it takes minutes: CI runs `make lint` and `make test`, and tests/e2e/test_demo.py what `make demo` runs",
    ".venv/bin/telemetry provision": "it needs an account: test_provision.py runs it over an emulator",
}
"""The commands that are not run, by the words that they begin with, and why."""

_BIN: Final = ".venv/bin/"
_URL: Final = "http://127.0.0.1:8000"
_SENDERS: Final = re.compile(r"\btelemetry (?:simulator|load-test|replay)\b")
_STARTED: Final = {"receiver": "startup complete", "consumer": "Started", "aggregator": "Started"}


class Command(NamedTuple):
    """A command as it stands in a document, and lines that it prints."""

    text: str
    prints: Sequence[str]

    @property
    def is_run(self) -> bool:
        return not any(self.text.startswith(f"{start} ") for start in NOT_RUN)

    @property
    def is_preparation(self) -> bool:
        """Whether it starts a role in the background, or sets a variable."""
        return self.text.endswith("&") or self.text.startswith("export ")


def blocks(document: Path) -> Iterator[Sequence[Command]]:
    for block in re.findall(r"^```console\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL):
        yield list(commands(block.splitlines()))


def commands(lines: Sequence[str]) -> Iterator[Command]:
    """Read a block; a command goes on while a quote is open or a line ends in a backslash."""
    left = list(lines)
    while left:
        text = left.pop(0).removeprefix("$ ")
        while not is_whole(text):
            text += f"\n{left.pop(0)}"
        prints = []
        while left and not left[0].startswith("$ "):
            prints.append(left.pop(0))
        yield Command(text, prints)


def is_whole(text: str) -> bool:
    try:
        return bool(shlex.split(text))
    except ValueError:  # a quote is open, or nothing follows a backslash
        return False


BLOCKS: Final = [block for document in DOCUMENTS for block in blocks(document)]
BY_HAND: Final = next(block for block in BLOCKS if any(command.is_preparation for command in block))


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[Pipeline]:
    """The roles as docs/commands.md starts them by hand."""
    pipeline = Pipeline(tmp_path)
    try:
        for command in BY_HAND:
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
    assert done.returncode == 0, done.stdout
    return done.stdout


def shows(output: str, prints: Sequence[str]) -> bool:
    """Return whether these lines are in an output, in their order."""
    patterns = [re.escape(line).replace(re.escape("..."), ".*") for line in prints]
    left = iter(output.splitlines())
    return all(any(re.fullmatch(pattern, line) for line in left) for pattern in patterns)


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if any(command.is_run for command in block)],
    ids=lambda block: next(each.text for each in block if each.is_run).removeprefix(_BIN)[:40],
)
def test_a_block_of_commands_does_what_is_written_below_it(by_hand: Pipeline, block: Sequence[Command]):
    for command in block:
        if command.text.startswith("curl ") and not shutil.which("curl"):
            pytest.skip("there is no curl")
        if command.is_preparation:
            prepare(by_hand, command)
        elif command.is_run:
            output = run(by_hand, command)
            assert shows(output, command.prints), output


def test_the_record_that_is_sent_by_hand_is_stored_apart(by_hand: Pipeline):
    if not shutil.which("curl"):
        pytest.skip("there is no curl")
    run(by_hand, next(command for command in BY_HAND if command.text.startswith("curl ")))
    wait_until(lambda: by_hand.stored() == 1, "the record to be stored")
    assert list(by_hand.data.glob("skewed/**/*.jsonl"))


@pytest.mark.parametrize("start", NOT_RUN)
def test_a_command_that_is_not_run_is_in_a_document(start: str):
    assert f"\n$ {start} " in TEXT


def test_every_command_of_make_that_a_document_names_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|^\$ |^    )make ([a-z][a-z-]*)", TEXT, re.MULTILINE))
    assert named
    assert [target for target in sorted(named) if f"\n{target}:" not in makefile] == []


def test_every_command_of_telemetry_that_a_document_names_is_one():
    named = set(re.findall(r"(?:`|\.venv/bin/)telemetry ([a-z][a-z-]*)", TEXT))
    assert named <= cli.ROLES.keys()
