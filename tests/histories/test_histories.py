"""Histories keep every promise, planted defects are found, and what is found can be replayed."""

import gc
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.histories.__main__ import main
from harness.histories.draw import draw
from harness.histories.options import Event, History
from harness.histories.plants import PLANTS
from harness.histories.report import Failure
from harness.histories.run import run
from harness.histories.shrink import MOST_EVENTS, shrink

ROOT = Path(__file__).parent.parent.parent
# The product is measured by its own tests. To measure it here as well would take most of the time.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def histories(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m harness.histories` with what it writes in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "harness.histories", *options],
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_five_hundred_histories_break_no_promise(tmp_path):
    ended = histories(tmp_path, "--count", "500")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "histories: run=500 broken=0"
    assert ended.stderr == ""


@pytest.mark.long
def test_every_planted_defect_is_found(tmp_path):
    ended = histories(tmp_path, "--planted")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = dict(re.findall(r"^(\S+) +(\d+)  ", ended.stdout, re.MULTILINE))
    assert found.keys() == PLANTS.keys()
    assert len(found) >= 12
    assert all(int(history) <= 1000 for history in found.values())


def test_what_is_found_is_shrunk_written_and_replayed(tmp_path):
    ended = histories(tmp_path, "--plant", "complete-while-leased")
    assert ended.returncode == 1
    (path,) = (tmp_path / "data" / "histories").glob("failure-*.json")
    failure = msgspec.json.decode(path.read_bytes(), type=Failure)
    assert failure.law == "complete is never said too early"
    assert len(failure.shrunk.events) <= min(20, len(failure.drawn.events))
    command = f"make histories REPLAY={path.relative_to(tmp_path)}"
    assert command in ended.stdout
    assert f"seed {failure.drawn.seed} breaks a law" in ended.stdout
    replayed = histories(tmp_path, "--replay", str(path))
    assert replayed.returncode == 1
    assert failure.what in replayed.stdout
    assert "the trace is the same" in replayed.stdout


def test_a_run_goes_on_where_it_stopped_and_the_table_adds_runs_up(tmp_path):
    for first in ("0", "20"):
        assert histories(tmp_path, "--first", first, "--count", "20").returncode == 0
    resumed = histories(tmp_path, "--first", "20", "--count", "20", "--resume")
    assert resumed.stdout.splitlines()[-1] == "histories: run=20 broken=0"
    assert histories(tmp_path, "--table").stdout.splitlines()[-1] == "histories: run=40 broken=0"


def test_a_table_of_runs_that_have_seeds_in_common_is_refused(tmp_path):
    for count in ("10", "5"):
        assert histories(tmp_path, "--count", count).returncode == 0
    refused = histories(tmp_path, "--table")
    assert refused.returncode == 1
    assert refused.stderr == (
        "data/histories/tally-0-5.json and data/histories/tally-0-10.json have seeds in common: "
        "remove one of them\n"
    )


def test_a_run_under_a_planted_defect_is_no_part_of_the_table(tmp_path):
    histories(tmp_path, "--plant", "cache-not-invalidated")
    assert not list((tmp_path / "data" / "histories").glob("tally-*"))


@pytest.fixture
def a_process() -> Iterator[None]:
    """Undo what a run does to its process."""
    logger, thresholds = logging.getLogger("telemetry"), gc.get_threshold()
    level = logger.level
    yield
    logger.setLevel(level)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("a_process")
def test_each_history_that_breaks_a_law_is_written_and_the_first_is_shrunk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with PLANTS["leases-ignored"]():
        assert main(["--count", "3"]) == 1
    said = capsys.readouterr().out
    failures = sorted((tmp_path / "data" / "histories").glob("failure-product-*"))
    assert len(failures) == int(said.rpartition("broken=")[2]) >= 2
    told = [msgspec.json.decode(path.read_bytes(), type=Failure) for path in failures]
    assert [each.shrunk == each.drawn for each in told] == [False, *(True for _ in told[1:])]
    assert said.count("make histories REPLAY=") == len(failures)


@pytest.mark.parametrize("seed", range(5))
def test_one_seed_has_one_trace(seed: int):
    assert run(draw(seed)).digest == run(draw(seed)).digest
    assert draw(seed) == draw(seed)


def test_another_seed_has_another_trace():
    assert len({run(draw(seed)).digest for seed in range(5)}) == 5


def test_a_history_is_the_same_when_it_was_written_and_read():
    drawn = draw(3)
    assert run(msgspec.json.decode(msgspec.json.encode(drawn), type=History)).digest == run(drawn).digest


def test_a_history_that_breaks_a_law_is_shrunk_to_what_it_needs():
    with PLANTS["undecodable-dropped"]():
        drawn = next(each for seed in range(100) if run(each := draw(seed)).broken)
        broken = run(drawn).broken
        assert broken
        shrunk = shrink(lambda history: run(history).broken, drawn, broken)
        assert [event.kind for event in shrunk.events] == ["poison"]
        assert run(shrunk).broken


@pytest.mark.long
@pytest.mark.parametrize("name", PLANTS)
def test_each_planted_defect_is_shrunk_to_what_a_person_can_follow(name: str):
    with PLANTS[name](), warnings.catch_warnings(action="ignore"):
        drawn, broken = next(
            (each, broken) for seed in range(1000) if (broken := run(each := draw(seed)).broken)
        )
        shrunk = shrink(lambda history: run(history).broken, drawn, broken)
        found = run(shrunk).broken
    assert found
    assert found.law == broken.law
    assert len(shrunk.events) <= MOST_EVENTS


def test_events_are_told_in_words():
    assert msgspec.json.encode(Event("poison", body="{")) == b'{"kind":"poison","body":"{"}'
