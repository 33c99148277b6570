"""Each fault does what it says to a store, a queue or a clock of its own, and puts everything back."""

import asyncio
import os
import resource
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.faults import clocks, options, queues, stores
from telemetry.entrypoints.shared.faults.fault import NotInjectedError, Target
from telemetry.entrypoints.shared.faults.pipeline import Pipeline
from telemetry.entrypoints.shared.faults.relay import Relay
from tests.builders import put_batch, some_records

WRITER = """
import sys
for line in sys.stdin:
    try:
        open("file", "wb").write(bytes(9999))
        print("whole", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""
"""A program that writes a file at each line that it reads, and says how that went."""


CLOCK = ("LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE")


class Told:
    """A pipeline of no process, in which every line that is looked for is told at once."""

    def __init__(self, pids: Sequence[int] = (), on_look: Callable[[], object] = lambda: None) -> None:
        self.lines: list[str] = []
        self.pids = pids
        self._on_look = on_look

    def told(self, pattern: str, since: int) -> str:
        self._on_look()
        return f"{pattern} {since}"

    def pid(self, name: str) -> int:
        return 1000 + len(self.lines)

    async def restart(self, name: str, variables: Mapping[str, str]) -> None:
        self.lines.append(" ".join([name, *(variables.get(each, "-") for each in CLOCK)]))


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(stores, "_AWAY_S", 0.2)
    monkeypatch.setattr(queues, "_AWAY_S", 0.2)
    container = Container(settings=Settings(data_dir=tmp_path / "data"))
    return Target(cast("Pipeline", Told()), cast("Any", None), container, {}, {}, {})


async def put_now(target: Target, count: int = 10) -> str:
    now_ms = target.container.clock().wall_ms()
    records = some_records(count, now_ms // 3_600_000 * 3_600_000)
    return await put_batch(target.container.storage(), *records, now=now_ms)


def modes(root: Path) -> set[int]:
    return {stat.S_IMODE(Path(where).stat().st_mode) for where, *_ in os.walk(root)}


@pytest.mark.parametrize(("kind", "mode"), [("store read-only", 0o500), ("store refuses", 0o000)])
async def test_all_folders_of_a_store_lose_their_rights_for_a_while(target: Target, kind: str, mode: int):
    await put_now(target)
    raw = target.settings.data_dir / "raw"
    before = modes(raw)
    injecting = asyncio.create_task(options.EVERY[kind].inject(target, 0))
    await asyncio.sleep(0.1)
    assert stat.S_IMODE(raw.stat().st_mode) == mode
    await injecting
    assert modes(raw) == before


async def test_a_store_stays_read_only_until_a_role_has_met_it(target: Target):
    await put_now(target)
    raw, looks = target.settings.data_dir / "raw", list[int]()

    class Late(Told):
        def told(self, pattern: str, since: int) -> str:
            looks.append(stat.S_IMODE(raw.stat().st_mode))
            return "" if len(looks) < 3 else super().told(pattern, since)

    target.pipeline = cast("Pipeline", Late())
    await options.EVERY["store read-only"].inject(target, 0)
    assert looks == [0o500] * 3
    assert stat.S_IMODE(raw.stat().st_mode) == 0o700


async def test_no_file_of_a_role_grows_on_a_full_disk_and_all_do_after_it(target: Target, tmp_path: Path):
    writer = tmp_path / "writer.py"
    writer.write_text(WRITER)
    with subprocess.Popen(
        [sys.executable, str(writer)], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        target.pipeline = cast("Pipeline", Told([process.pid]))

        def write() -> str:
            print(file=process.stdin, flush=True)
            said: str = cast("Any", process.stdout).readline()
            return said

        assert write() == "whole\n"
        injecting = asyncio.create_task(options.EVERY["disk full"].inject(target, 0))
        await asyncio.sleep(0.1)
        assert write() == "File too large\n"
        await injecting
        assert write() == "whole\n"
        process.stdin.close()


async def test_the_limit_of_a_full_disk_is_lifted_from_all_although_one_role_has_died_of_it(
    target: Target, monkeypatch: pytest.MonkeyPatch
):
    limited: list[tuple[int, bool]] = []

    def prlimit(pid: int, _resource: int, limits: tuple[int, int]) -> None:
        is_lifted = limits[0] == resource.RLIM_INFINITY
        limited.append((pid, is_lifted))
        if pid == 1 and is_lifted:
            raise ProcessLookupError

    monkeypatch.setattr(resource, "prlimit", prlimit)
    target.pipeline = cast("Pipeline", Told([1, 2]))
    await options.EVERY["disk full"].inject(target, 0)
    assert limited == [(1, False), (2, False), (1, True), (2, True)]


async def test_an_object_is_torn_until_that_is_said_and_then_whole_again(target: Target):
    key = await put_now(target)
    whole = await target.container.storage().get(key)
    sizes: list[int] = []
    look = Told(on_look=lambda: sizes.append((target.settings.data_dir / key).stat().st_size))
    target.pipeline = cast("Pipeline", look)
    await options.EVERY["object torn"].inject(target, 0.5)
    assert sizes == [len(whole) // 2]
    assert await target.container.storage().get(key) == whole


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
async def test_a_flipped_bit_is_named_and_its_records_are_lost_by_the_proof(target: Target, share: float):
    key = await put_now(target)
    whole = await target.container.storage().get(key)
    await options.EVERY["bit flipped in an object"].inject(target, share)
    (line,) = target.pipeline.lines
    assert line.startswith(f"ERROR [Prove] {key} is damaged: ")
    assert line.endswith("lost=10 pending=0")
    assert await target.container.storage().get(key) == whole


async def test_the_first_object_of_an_hour_is_waited_for(target: Target, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stores, "_LOOK_EVERY_S", 0.01)
    tearing = asyncio.create_task(options.EVERY["object torn"].inject(target, 0))
    await asyncio.sleep(0.05)
    await put_now(target)
    await tearing


async def test_without_an_object_there_is_nothing_to_damage(target: Target, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stores, "_LOOK_EVERY_S", 0.0)
    with pytest.raises(NotInjectedError, match="there is no object"):
        await options.EVERY["object torn"].inject(target, 0)


async def test_poison_is_put_on_the_queue_and_counted(target: Target):
    await options.EVERY["poison bodies"].inject(target, 0.5)
    async with target.queue() as queue:
        assert (await queue.depth()).ready == len(target.poison) == 3


class Restarted(Told):
    """A pipeline that writes down when it is stopped and started."""

    async def stop(self) -> Sequence[str]:
        self.lines.append("stop")
        return ["consumer-1 was to stop"] if self.is_late else []

    async def start(self) -> None:
        self.lines.append("start")

    is_late = False


@pytest.mark.parametrize(
    ("status", "is_late", "said"),
    [(1, False, "telemetry queue recover: it cannot"), (0, True, "consumer-1 was to stop")],
)
async def test_a_pipeline_whose_queue_cannot_be_recovered_is_started_again(
    target: Target, monkeypatch: pytest.MonkeyPatch, *, status: int, is_late: bool, said: str
):
    class Silence:
        @asynccontextmanager
        async def silent(self) -> AsyncIterator[None]:
            yield

    async def command(_self: Target, *arguments: str) -> tuple[int, Sequence[str]]:
        target.pipeline.lines.append(" ".join(arguments))
        return status, ["it cannot"]

    pipeline = Restarted()
    pipeline.is_late = is_late
    target.pipeline, target.load = cast("Pipeline", pipeline), cast("Any", Silence())
    monkeypatch.setattr(Target, "command", command)
    async with target.queue() as queue:
        await queue.depth()
    with pytest.raises(RuntimeError, match=said):
        await options.EVERY["queue file cut"].inject(target, 0)
    assert pipeline.lines == ["stop", "queue recover", "start"]


async def test_a_queue_that_is_away_cannot_be_sent_to_and_can_once_it_is_back(target: Target):
    async with target.queue() as queue:
        await queue.send([b"one"])
        injecting = asyncio.create_task(options.EVERY["queue away"].inject(target, 0))
        await asyncio.sleep(0.1)
        with pytest.raises(QueueUnavailableError):
            await queue.send([b"two"])
        await injecting
        await queue.send([b"three"])


async def test_a_locked_queue_takes_a_message_when_the_lock_is_gone(
    target: Target, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queues, "_LOCKED_S", 0.3)
    async with target.queue() as queue:
        await queue.send([b"one"])
        locking = asyncio.create_task(options.EVERY["queue locked"].inject(target, 0))
        await asyncio.sleep(0.1)
        await queue.send([b"two"])
        await asyncio.wait_for(locking, 10)


@pytest.mark.parametrize(
    "kind", ["queue unreachable", "answers of the queue lost", "store busy", "store denies"]
)
async def test_calls_that_nobody_makes_cannot_go_wrong(target: Target, kind: str):
    target.relays = dict.fromkeys(("sqs", "s3"), Relay("http://127.0.0.1:9"))
    with pytest.raises(NotInjectedError, match="nothing was asked of"):
        await options.EVERY[kind].inject(target, 0)


async def test_a_clock_is_wrong_for_a_while_and_right_again(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clocks, "_WRONG_S", 0.2)
    monkeypatch.setattr(clocks, "_READ_S", 0.0)
    monkeypatch.setattr(clocks, "library", lambda: "libfaketime.so")
    monkeypatch.setattr(clocks, "_SHARED", shared := tmp_path / "shm")
    shared.mkdir()
    for name in ("faketime_shm_1001", "sem.faketime_sem_1001", "faketime_shm_7"):
        (shared / name).touch()
    target.clocks = clocks.prepare(tmp_path)
    file = Path(target.clocks["aggregator"])
    fault = options.EVERY["clock of aggregator jumps"]
    injecting = asyncio.create_task(fault.inject(target, 0.5))
    await asyncio.sleep(0.1)
    assert abs(int(file.read_text())) >= 3600
    await injecting
    assert int(file.read_text()) == 0
    assert fault.after
    await fault.after(target, 0.5)
    assert target.pipeline.lines == [f"aggregator libfaketime.so {file}", "aggregator - -"]
    assert target.faked == {1001}
    assert sorted(each.name for each in shared.iterdir()) == ["faketime_shm_7"]


async def test_without_libfaketime_no_clock_jumps(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clocks, "library", lambda: "")
    assert clocks.prepare(tmp_path) == {}
    with pytest.raises(NotInjectedError, match="libfaketime is not installed"):
        await options.EVERY["clock of receiver jumps"].inject(target, 0)
