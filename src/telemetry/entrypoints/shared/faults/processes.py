"""Faults of processes: killed at random and at chosen moments, asked to stop under load, and frozen."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from telemetry.adapters.storage import temporary
from telemetry.domain.contract.moment import hour_of, hour_path
from telemetry.entrypoints.shared import supervising
from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target
from telemetry.entrypoints.shared.faults.pipeline import AGGREGATOR, CONSUMERS, RECEIVER

_ENDED: Final = supervising.ENDED + r": process={}.*status={}"
_LEASES: Final = 1.5  # that a process is frozen for
_MOMENT_S: Final = 30.0  # within which a moment has to come
_WITHIN_S: Final = 0.02  # of the begin of a POST


async def _kill(names: Sequence[str], target: Target, share: float) -> None:
    await target.pipeline.end(names[int(share * len(names))], signal.SIGKILL)


async def _stop(names: Sequence[str], target: Target, share: float) -> None:
    await target.pipeline.end(names[int(share * len(names))], signal.SIGTERM)


async def _freeze(names: Sequence[str], target: Target, share: float) -> None:
    name = names[int(share * len(names))]
    target.pipeline.signal(name, signal.SIGSTOP)
    try:
        await asyncio.sleep(_LEASES * target.settings.queue_visibility_timeout)
    finally:
        target.pipeline.signal(name, signal.SIGCONT)


async def _kill_receiver_in_post(target: Target, share: float) -> None:
    """Kill it a moment after a large body was sent, which is somewhere between its first byte and 202."""
    fleet = target.load.fleet("post", 500)
    async with target.load.sender(1) as sender:
        await sender.send(fleet.sample(target.container.clock().wall_ms()))
        await asyncio.sleep(share * _WITHIN_S)
        await target.pipeline.end(RECEIVER, signal.SIGKILL)


async def _kill_consumers_after_put(target: Target, _share: float) -> None:
    """Kill all as soon as an object is there, as a rule before its messages are taken off the queue."""
    await _at_moment(target, "raw", CONSUMERS)


async def _kill_aggregator_after_put(target: Target, _share: float) -> None:
    """Kill it as soon as figures or inputs are there."""
    await _at_moment(target, "aggregated", (AGGREGATOR,))


async def _at_moment(target: Target, tree: str, names: Sequence[str]) -> None:
    is_local = target.settings.storage_backend == "local"
    wait = _next_file if is_local else _next_put
    try:
        async with asyncio.timeout(_MOMENT_S):
            await wait(target, tree)
    except TimeoutError:
        raise NotInjectedError(f"nothing was put into {tree}/ within {_MOMENT_S:g} s") from None
    await asyncio.gather(*(target.pipeline.end(name, signal.SIGKILL) for name in names))


async def _next_file(target: Target, tree: str) -> None:
    """Wait until a file of the current hour has its name, which it gets once it is whole and synced."""
    now = hour_of(target.container.clock().wall_ms())
    folder = target.settings.data_dir / tree / hour_path(now)
    before = _entries(folder)
    while _entries(folder) == before:  # noqa: ASYNC110  # no file sets an event
        await asyncio.sleep(0.001)


def _entries(folder: Path) -> frozenset[tuple[str, int]]:
    """List the files of a folder, each as its name and number; not those that are being written."""
    found: set[tuple[str, int]] = set()
    with suppress(FileNotFoundError):
        for each in folder.iterdir():
            with suppress(FileNotFoundError):  # it was removed meanwhile
                if not each.name.startswith(temporary.PREFIX):
                    found.add((each.name, each.stat().st_ino))
    return frozenset(found)


async def _next_put(target: Target, tree: str) -> None:
    """Wait until the request of a put begins to pass; whether it is done by the kill is left to chance."""
    relay, seen = target.relays["s3"], asyncio.Event()

    def look(chunk: bytes) -> None:
        head = chunk[:1000].partition(b"\r\n")[0]
        if head.startswith(b"PUT ") and f"/{tree}/".encode() in head:
            seen.set()

    with relay.watched(look):
        await seen.wait()


def _kinds(name: str, names: Sequence[str]) -> Sequence[Fault]:
    roles = frozenset(names)
    return [
        Fault(
            f"kill {name}", partial(_kill, names), _ENDED.format(name, -signal.SIGKILL), roles=roles, times=2
        ),
        Fault(f"stop {name} under load", partial(_stop, names), _ENDED.format(name, 0), roles=roles, times=2),
        Fault(f"freeze {name} past the lease", partial(_freeze, names), roles=roles),
    ]


def _at(
    moment: str, name: str, names: Sequence[str], inject: Callable[[Target, float], Coroutine[Any, Any, None]]
) -> Fault:
    told = _ENDED.format(name, -signal.SIGKILL)
    return Fault(f"kill {moment}", inject, told, roles=frozenset(names), times=2)


FAULTS: Final = (
    *_kinds("receiver", (RECEIVER,)),
    *_kinds("consumer", CONSUMERS),
    *_kinds("aggregator", (AGGREGATOR,)),
    _at("receiver during a POST", "receiver", (RECEIVER,), _kill_receiver_in_post),
    _at("consumers after a put", "consumer", CONSUMERS, _kill_consumers_after_put),
    _at("aggregator after a put", "aggregator", (AGGREGATOR,), _kill_aggregator_after_put),
)
