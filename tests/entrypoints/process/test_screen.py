"""What a person sees."""

import pytest

from telemetry.domain.proof.prove import Proof
from telemetry.domain.store.latency import Percentiles
from telemetry.domain.store.storage import ObjectInfo
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


def test_files_are_drawn_as_a_tree_that_leaves_out_the_middle(capsys: pytest.CaptureFixture[str]):
    folder = "raw/year=2025/month=10/day=19/hour=01"
    screen.files("data/", [ObjectInfo(f"{folder}/{name}", 5, 0) for name in "abcd"])
    drawn = capsys.readouterr().out
    assert drawn.splitlines() == [
        "data/",
        "└── raw/",
        "    └── year=2025/month=10/day=19/hour=01/",
        "        ├── a  5 B",
        "        ├── ... 2 more",
        "        └── d  5 B",
    ]


def test_a_folder_of_each_hour_stands_below_its_tree(capsys: pytest.CaptureFixture[str]):
    keys = ["raw/hour=01/a", "raw/hour=02/b", "skewed/hour=01/c", "other"]
    screen.files("s3://bucket/", [ObjectInfo(key, 12345, 0) for key in keys])
    drawn = capsys.readouterr().out
    assert drawn.count("raw/") == 1
    assert all(part in drawn for part in ("hour=01/", "hour=02/", "skewed/", "b  12,345 B"))


def test_nothing_in_a_table_or_a_tree_is_cut_off_or_broken_where_the_terminal_is_narrow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "20")
    number, key = "123456789012345678901234567890", f"raw/hour=01/batch-{'7' * 40}.jsonl"
    screen.table(
        "A title of some words that is longer", ("name", "count"), [("a-name-of-many-letters", number)]
    )
    screen.files("data/", [ObjectInfo(key, 1, 0)])
    drawn = capsys.readouterr().out
    assert all(part in drawn for part in (number, "a-name-of-many-letters", key.rpartition("/")[2]))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0004, "0.000 s"),
        (0.93, "0.930 s"),
        (12.344, "12.34 s"),
        (123.44, "123.4 s"),
        (34728139.7, "34728140 s"),
    ],
)
def test_a_duration_has_four_digits(value, said):
    assert screen._seconds(value) == said


def test_there_is_no_progress_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    with screen.progress() as progress:
        progress.update(progress.add_task("driving", total=2, note=""), advance=1)
    assert capsys.readouterr().err == ""
