"""Faults of the queue: locked, away, cut, or with answers that are lost; and poison in it."""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.entrypoints.shared.faults.awaiting import until
from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target
from telemetry.entrypoints.shared.faults.pipeline import CONSUMERS

_LOCKED_S: Final = 10.5  # longer than others wait for a lock
_AWAY_S: Final = 2.0
_MOST_POISON: Final = 5  # bodies
_TOLD_S: Final = 30.0
_CUT: Final = "is damaged and takes nothing more"


async def _lock(target: Target, _share: float) -> None:
    """Hold a transaction open, as a stray `sqlite3` of an operator does."""
    await asyncio.to_thread(_hold, target.settings.queue_file)


def _hold(path: Path) -> None:
    db, _ = QueueFile(path).open()
    try:
        db.execute("BEGIN IMMEDIATE")
        time.sleep(_LOCKED_S)
        db.execute("ROLLBACK")
    finally:
        db.close()


async def _take_away(target: Target, share: float) -> None:
    """Rename its file, and put it back."""
    path = target.settings.queue_file
    away = path.with_name("taken-away.db")
    path.rename(away)
    try:
        await asyncio.sleep(_AWAY_S * (1 + share))
    finally:
        away.rename(path)


async def _cut(target: Target, _share: float) -> None:
    """Cut off half of its file while nothing is in it, wait until that is met, and recover it as is told.

    What is in a part that was cut off is gone, so it is done while nothing waits.
    """
    pipeline = target.pipeline
    async with target.load.silent():
        async with asyncio.timeout(_TOLD_S), target.queue() as queue:
            while (depth := await queue.depth()).ready or depth.leased:  # noqa: ASYNC110  # others empty it
                await asyncio.sleep(0.1)
        path, since = target.settings.queue_file, len(pipeline.lines)
        os.truncate(path, path.stat().st_size // 2)
    try:
        await until(lambda: bool(pipeline.told(_CUT, since)), "the cut to be met", _TOLD_S)
    finally:
        await _recover(target)


async def _recover(target: Target) -> None:
    """Stop all roles, recover the queue, and start them again, whatever becomes of that."""
    late = await target.pipeline.stop()
    try:
        status, said = await target.command("queue", "recover")
    finally:
        await target.pipeline.start()
    if status:
        raise RuntimeError(f"telemetry queue recover: {' '.join(said)}")
    if late:
        raise RuntimeError("; ".join(late))


async def _unreachable(target: Target, share: float) -> None:
    await target.break_calls("sqs", "cut", _AWAY_S * (1 + share))


async def _lose_answers(target: Target, share: float) -> None:
    await target.break_calls("sqs", "mute", _AWAY_S * (1 + share))


async def _poison(target: Target, share: float) -> None:
    """Put bodies on the queue that are no envelope and no record."""
    number = 1 + int(share * _MOST_POISON)
    moment = target.container.clock().wall_ms()
    bodies = [f"poison {moment} {each}".encode() for each in range(number)]
    async with target.queue() as queue:
        refused = await queue.send(bodies)
    target.poison += [body for index, body in enumerate(bodies) if index not in refused]
    if len(refused) == number:
        raise NotInjectedError("the queue took no body")


FAULTS: Final = (
    Fault("queue locked", _lock, "Queue unavailable, answered 503|cannot be received from", queue="sqlite"),
    Fault("queue away", _take_away, "was removed or replaced", queue="sqlite"),
    Fault("queue file cut", _cut, _CUT, queue="sqlite"),
    Fault(
        "queue unreachable",
        _unreachable,
        "SQS did not do|Queue unavailable|cannot be received from",
        must_tell=False,
        queue="sqs",
    ),
    Fault("answers of the queue lost", _lose_answers, queue="sqs"),
    Fault("poison bodies", _poison, "quarantined=", roles=frozenset(CONSUMERS), times=2),
)
