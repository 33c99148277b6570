"""The recorded session is that of the script: it can be run, it can be watched, and it is short."""

import itertools
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.recording import cast, picture
from harness.recording.__main__ import TITLE
from harness.recording.scenes import scenes
from harness.recording.script import COLUMNS, LONGEST_S, ROWS, STEPS, Step
from harness.recording.session import Shell, StepError
from harness.roles import wait_until
from telemetry.entrypoints.process import cli

DOCS = Path(__file__).parents[2] / "docs"
CAST = (DOCS / "demo.cast").read_text()
SVG = (DOCS / "demo.svg").read_text()
SAID = "".join(text for _, _, text in cast.read(CAST)[1])
_CLEAR = "\x1b[2J\x1b[H"


def recorded() -> list[tuple[Step, list[str]]]:
    """Read from the committed cast what each step printed."""
    answers = [part.partition("$ ")[2] for part in SAID.split(_CLEAR)[1:]]
    played = []
    for step, answer in zip(STEPS, answers, strict=True):
        typed = step.command.replace("\n", "\r\n$ ") + "\r\n"
        assert answer.startswith(typed)
        played.append((step, answer.removeprefix(typed).split("\r\n")[:-1]))
    return played


PLAYED = [
    (Step("first", "echo a\necho b", 2), ["a", "b"]),
    (Step("second", "seq 60", 3), ["x" * (COLUMNS + 1), *map(str, range(60))]),
    (Step("third", "true", 1), []),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.caption)
def test_a_step_is_a_command_that_bash_can_read_and_names_commands_that_there_are(step: Step):
    done = subprocess.run(["bash", "-n"], input=step.command, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    words = shlex.split(step.command, comments=True)
    roles = {after for word, after in itertools.pairwise(words) if word == "telemetry"}
    assert roles <= cli.ROLES.keys()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.caption)
def test_the_committed_cast_has_the_step_as_the_script_has_it(step: Step):
    typed = step.command.replace("\n", "\r\n$ ")
    assert f"# {step.caption}\x1b[0m\r\n\r\n$ {typed}\r\n" in SAID


def test_the_committed_cast_is_one_and_takes_at_most_five_minutes():
    head, events = cast.read(CAST)
    assert (head.version, head.width, head.height) == (2, COLUMNS, ROWS)
    assert {kind for _, kind, _ in events} == {"o"}
    moments = [at for at, _, _ in events]
    assert moments == sorted(moments)
    assert 0 < moments[-1] <= LONGEST_S


def test_the_committed_cast_lost_nothing():
    proofs = [line for line in SAID.splitlines() if line.startswith("proof:")]
    assert len(proofs) > 1
    assert all(" pending=0 lost=0 " in line for line in proofs)


def test_the_committed_picture_is_small_and_stands_by_itself():
    assert len(SVG) < 300_000
    assert "http" not in SVG.replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1:8000", "")
    assert ET.fromstring(SVG).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in SVG
    assert "prefers-reduced-motion:reduce" in SVG
    texts = {each.text for each in ET.fromstring(SVG).iter("{http://www.w3.org/2000/svg}text")}
    assert {f"# {step.caption}" for step in STEPS} <= texts


def test_the_answers_of_the_committed_cast_give_the_committed_files_again():
    watched = scenes(recorded())
    assert cast.write(watched, TITLE) == CAST
    assert picture.draw(watched, TITLE) == SVG, "it is of another version: run make record"


def test_scenes_follow_each_other_and_nothing_is_shown_after_its_end():
    watched = scenes(PLAYED)
    assert [each.starts_s for each in watched] == [0.0, watched[0].ends_s, watched[1].ends_s]
    for scene in watched:
        moments = [scene.starts_s, scene.typed_s, *(each.at_s for each in scene.answer), scene.ends_s]
        assert moments == sorted(moments)
        assert moments[-1] - moments[-2] >= scene.step.pause_s


def test_a_line_is_broken_as_a_terminal_does_it():
    first, second = scenes(PLAYED)[1].answer[0].lines[:2]
    assert (first, second) == ("x" * COLUMNS, "x")


def test_a_scene_that_is_longer_than_the_screen_moves_up_until_its_last_line_is_seen():
    drawn = picture.draw(scenes(PLAYED), "t")
    last = next(
        each for each in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text") if each.text == "59"
    )
    height = int(ET.fromstring(drawn).attrib["viewBox"].split()[3])
    by = max(int(each) for each in re.findall(r"translateY\(-(\d+)px\)", drawn))
    clip = next(ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect")).attrib
    assert int(last.attrib["y"]) - by < int(clip["y"]) + int(clip["height"]) < height


def test_the_shell_keeps_variables_and_jobs_and_says_what_failed(tmp_path):
    with Shell(tmp_path) as shell:
        assert shell.run(Step("", "A=1; sleep 60 &")) == []
        assert shell.run(Step("", "echo $A; jobs -r | wc -l; pwd")) == ["1", "1", str(tmp_path)]
        with pytest.raises(StepError, match="no such thing"):
            shell.run(Step("", "echo no such thing >&2; false"))
    assert shell._process.returncode == 0


def is_alive(process: str) -> bool:
    """Whether it is there and has not ended; who has ended may wait to be collected, as a `Z`."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(") ")[2][0] != "Z"


def test_a_step_that_does_not_end_is_ended_with_all_that_was_started(tmp_path):
    with Shell(tmp_path) as shell:
        (started,) = shell.run(Step("", "sleep 300 & echo $!"))
        assert is_alive(started)
        shell._patience_s = 0.2
        with pytest.raises(StepError, match="took too long"):
            shell.run(Step("", "sleep 300"))
    wait_until(lambda: not is_alive(started), "the job to end")
