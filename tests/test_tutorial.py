"""The tutorial on a queue of one's own shows the files of its example, and its commands do what it says."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.entrypoints.process.runtime import free_port
from tests.documents import blocks
from tests.test_docs import shows

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "redis_queue"
PAGE = ROOT / "docs" / "tutorial-redis-queue.md"
FILES = re.findall(r"`\.\./redis_queue/(\w+\.py)`:\n\n```python\n(.*?)```\n", PAGE.read_text(), re.DOTALL)
BY_HAND = ("make ", "sudo ")  # what a machine has already on which this runs


def test_the_tutorial_shows_every_file_of_its_example():
    assert {name for name, _ in FILES} == {path.name for path in EXAMPLE.glob("*.py")}


@pytest.mark.parametrize(("name", "text"), FILES, ids=[name for name, _ in FILES])
def test_the_tutorial_shows_a_file_as_it_is(name: str, text: str):
    assert text == (EXAMPLE / name).read_text()


def test_the_queue_has_fewer_lines_of_code_than_the_tutorial_says():
    lines = [line for line in (EXAMPLE / "redis_queue.py").read_text().splitlines() if line.strip()]
    assert len(lines) < 150


@pytest.mark.long
def test_the_commands_of_the_tutorial_do_what_is_written_below_them(tmp_path: Path):
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server")
    console = [block for block in blocks(PAGE) if block.language == "console"]
    commands = [each for block in console for each in block.commands if not each.text.startswith(BY_HAND)]
    port = free_port()
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    script = "set -e\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n" + "".join(
        f"{each.text}\necho '== {n}'\n" for n, each in enumerate(commands)
    )
    for old, new in (
        (".venv/bin/", f"{shlex.quote(str(Path(sys.executable).parent))}/"),
        ("telemetry receiver", f"telemetry receiver --port {port}"),
        ("telemetry load-test", f"telemetry load-test --url http://127.0.0.1:{port}"),
        (
            "mkdir ../redis_queue",
            f"cp -r {shlex.quote(str(EXAMPLE))} ../redis_queue",
        ),  # as a reader writes them
    ):
        assert old in script
        script = script.replace(old, new)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=checkout,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout
    *outputs, end = re.split(r"== \d+\n", done.stdout)
    assert end == ""
    for command, output in zip(commands, outputs, strict=True):
        assert shows(output, command.prints), output
    left = {path.name for path in (*tmp_path.iterdir(), *checkout.iterdir())}
    assert left - {".pytest_cache"} == {"checkout"}
