"""What a process prints is kept in a file of its name, which does not grow without end."""

from pathlib import Path

import pytest

from telemetry.entrypoints.shared.keeping import Keeper


def test_each_process_has_a_file_and_its_name_before_its_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with Keeper(tmp_path / "logs") as keeper:
        keeper.keep("receiver", b"one")
        keeper.keep("consumer-1", b"two \xff")
        keeper.keep("receiver", b"three %s")
    assert (tmp_path / "logs" / "receiver.log").read_text() == "one\nthree %s\n"
    assert (tmp_path / "logs" / "consumer-1.log").read_text() == "two \N{REPLACEMENT CHARACTER}\n"
    assert capsys.readouterr().err.splitlines() == [
        "receiver     one",
        "consumer-1   two \N{REPLACEMENT CHARACTER}",
        "receiver     three %s",
    ]


def test_a_file_that_is_full_is_put_aside_and_only_so_many_are_kept(tmp_path: Path):
    with Keeper(tmp_path, size=100) as keeper:
        for number in range(100):
            keeper.keep("receiver", b"line %02d, and more to fill it" % number)
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["receiver.log", *(f"receiver.log.{n}" for n in range(1, 6))]
    assert all(file.stat().st_size <= 100 for file in tmp_path.iterdir())
    assert "line 99" in (tmp_path / "receiver.log").read_text()


def test_a_new_run_goes_on_where_an_earlier_one_ended(tmp_path: Path):
    for text in (b"first", b"second"):
        with Keeper(tmp_path) as keeper:
            keeper.keep("receiver", text)
    assert (tmp_path / "receiver.log").read_text() == "first\nsecond\n"
