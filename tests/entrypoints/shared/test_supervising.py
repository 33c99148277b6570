"""A part that ends is started again, one that cannot run is not, and one that is stopped ends in order."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from telemetry.entrypoints.shared import supervising
from telemetry.entrypoints.shared.supervising import Part, Supervised, Watching
from tests.waiting import until

LOYAL = """
import os, signal, socket, sys, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
print("it runs", flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("it ends in order", flush=True)))
while True:
    time.sleep(60)
"""

DEAF = LOYAL.replace("lambda *_: sys.exit(print", "lambda *_: (print")

UNABLE = "import sys; print('it cannot'); sys.exit(3)"

LONG = LOYAL.partition("signal.signal")[0] + "print('x' * 1_000_001, end='')"


class Seen:
    """What is told of a part."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.ends: list[tuple[int, float]] = []

    def ran(self, times: int) -> bool:
        return self.lines.count(b"it runs") == times

    @property
    def watching(self) -> Watching:
        return Watching(
            lambda _, line: self.lines.append(line),
            lambda _, status, pause_s: self.ends.append((status, pause_s)),
        )


@pytest.fixture
def seen() -> Seen:
    return Seen()


def unmeasured() -> dict[str, str]:
    """Return the environment without that which lets coverage measure programs that are soon gone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def supervised(
    program: str, tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch, patience_s: float = 60
) -> Supervised:
    """Supervise a program of its own in the place of a role of this package."""
    (tmp_path / "telemetry.py").write_text(program)
    monkeypatch.chdir(tmp_path)  # `python -m` looks here first
    monkeypatch.setattr(supervising, "_FIRST_PAUSE_S", 0.01)
    return Supervised(Part("one", []), unmeasured(), seen.watching, patience_s)


async def test_it_is_started_again_however_it_was_killed(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    part = supervised(LOYAL, tmp_path, seen, monkeypatch)
    part.start()
    for starts in (1, 2, 3):
        await until(partial(seen.ran, starts))
        if starts < 3:
            os.kill(part.pid, signal.SIGKILL)
    await until(lambda: part.state == "ready")
    await part.stop()
    assert [status for status, _ in seen.ends] == [-signal.SIGKILL] * 2
    assert seen.ends[1][1] > seen.ends[0][1]
    assert (part.state, part.status, part.starts) == ("ended", 0, 3)
    assert seen.lines[-1] == b"it ends in order"


async def test_one_that_ends_before_it_is_ready_is_hopeless(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    part = supervised(UNABLE, tmp_path, seen, monkeypatch)
    part.start()
    await until(lambda: part.state == "hopeless")
    await part.stop()
    assert (part.state, part.status, part.starts, seen.ends) == ("hopeless", 3, 1, [])
    assert seen.lines == [b"it cannot"]


async def test_one_that_was_ready_once_is_tried_for_ever(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    part = supervised(LOYAL, tmp_path, seen, monkeypatch)
    part.start()
    await until(lambda: part.was_ready)
    (tmp_path / "telemetry.py").write_text(UNABLE)
    os.kill(part.pid, signal.SIGKILL)
    await until(lambda: seen.lines.count(b"it cannot") == 2)
    await part.stop()
    assert part.state == "ended"


async def test_one_that_does_not_end_is_killed(tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch):
    part = supervised(DEAF, tmp_path, seen, monkeypatch, patience_s=0.01)
    part.start()
    await until(lambda: b"it runs" in seen.lines)
    await part.stop()
    assert (part.state, part.status) == ("ended", -signal.SIGKILL)


async def test_one_that_pauses_can_be_stopped(tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch):
    part = supervised(LOYAL, tmp_path, seen, monkeypatch)
    monkeypatch.setattr(supervising, "_FIRST_PAUSE_S", 3600)
    part = Supervised(part.part, unmeasured(), seen.watching, 60)
    part.start()
    await until(lambda: b"it runs" in seen.lines)
    os.kill(part.pid, signal.SIGKILL)
    await until(lambda: part.state == "pausing")
    await part.stop()
    assert (part.state, part.starts) == ("ended", 1)


async def test_a_part_that_ran_long_pauses_as_if_it_had_never_failed(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    part = supervised(LOYAL, tmp_path, seen, monkeypatch)
    monkeypatch.setattr(supervising, "_SETTLED_S", 0.0)
    part.start()
    for starts in (1, 2):
        await until(partial(seen.ran, starts))
        os.kill(part.pid, signal.SIGKILL)
    await until(lambda: len(seen.ends) == 2)
    await part.stop()
    assert seen.ends[0][1] == seen.ends[1][1]


async def test_a_line_of_any_length_and_without_an_end_is_kept(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    part = supervised(LONG, tmp_path, seen, monkeypatch)
    part.start()
    await until(lambda: seen.ends)
    await part.stop()
    kept = b"".join(seen.lines).replace(b"it runs", b"")
    assert len(kept) % 1_000_001 == 0
    assert set(kept) == {ord("x")}
