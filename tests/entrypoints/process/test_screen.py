"""What a person sees."""

from pathlib import Path

import pytest

from telemetry.domain.proof.prove import Proof
from telemetry.domain.store.latency import Percentiles
from telemetry.entrypoints.process import screen

SOME = Percentiles(0.4, 0.8, 0.95, 0.1, 1.0, 10)


def test_the_proof_ends_with_the_proof_line(capsys: pytest.CaptureFixture[str]):
    screen.proof(Proof(12, 11, 11, 10, 2, 1, SOME, SOME))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == (
        "proof: sent=12 accepted=11 stored=11 unique=10 duplicates=1 pending=2 lost=1 p50=0.40s p95=0.80s p99=0.95s"
    )
    assert any("receipt to store" in line and "0.800 s" in line for line in lines)


@pytest.mark.parametrize(("number", "said"), [(0, "0 records"), (1, "1 record"), (2100, "2100 records")])
def test_one_thing_is_in_the_singular(number, said):
    assert screen.counted(number, "record") == said


def test_a_proof_of_nothing_has_no_latencies(capsys: pytest.CaptureFixture[str]):
    screen.proof(Proof(1, 1, 0, 0, 0, 1, None, None))
    assert "P95" not in (out := capsys.readouterr().out)
    assert out.splitlines()[-1].endswith(" pending=0 lost=1 p50=- p95=- p99=-")


def test_files_are_drawn_as_a_tree_that_leaves_out_the_middle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "raw" / "hour=01"
    folder.mkdir(parents=True)
    for name in ("a", "b", "c", "d", ".unfinished"):
        (folder / name).write_bytes(b"12345")
    screen.files(tmp_path, ("raw", "skewed"))
    drawn = capsys.readouterr().out
    assert "hour=01/" in drawn
    assert "a  5 B" in drawn
    assert "... 2 more" in drawn
    assert "d  5 B" in drawn
    assert not any(absent in drawn for absent in ("b  5 B", "unfinished", "skewed"))


def test_there_is_no_progress_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    with screen.progress() as progress:
        progress.update(progress.add_task("driving", total=2, note=""), advance=1)
    assert capsys.readouterr().err == ""
