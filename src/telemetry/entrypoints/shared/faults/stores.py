"""Faults of the store: it refuses, cannot be written, is full, or an object in it is not what was put."""

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from telemetry.domain.contract.moment import hour_of, hour_path
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.storage import ObjectInfo
from telemetry.entrypoints.shared.faults.awaiting import until
from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target
from telemetry.entrypoints.shared.faults.pipeline import AGGREGATOR, CONSUMERS

_AWAY_S, _TOLD_S = 2.0, 30.0
_FULL: Final = 4096  # bytes that a file may have on a full disk; with none, no log could be opened anew
_READ_ONLY, _REFUSED = 0o500, 0o000
_TREES: Final = ("raw", "skewed", "aggregated", "notes", "quarantine")
_SMALLEST: Final = 500  # bytes of an object that is damaged
_LOOKS, _LOOK_EVERY_S = 40, 0.5  # for an object of the current hour
_TORN: Final = "An object is damaged|The figures are kept"
_UNWRITTEN: Final = "Cannot be written|All that was held back|could not be (listed|built)|cannot be used"


async def _read_only(target: Target, share: float) -> None:
    """Take the right to write from all folders of the store."""
    with _modes(target.settings.data_dir, _READ_ONLY):
        await target.hold(_AWAY_S * (1 + share), _UNWRITTEN)


async def _refuse(target: Target, share: float) -> None:
    """Take every right from all folders of the store, as where a disk is not mounted."""
    with _modes(target.settings.data_dir, _REFUSED):
        await target.hold(_AWAY_S * (1 + share), _UNWRITTEN)


@contextmanager
def _modes(root: Path, mode: int) -> Iterator[None]:
    """Let all folders of the store have a mode while the context lasts."""
    folders = [
        Path(where) for tree in _TREES for where, *_ in os.walk(root / tree, topdown=False)
    ]  # the deepest first, since nothing below a folder can be reached without rights to it
    before = [each.stat().st_mode for each in folders]
    for each in folders:
        each.chmod(mode)
    try:
        yield
    finally:
        for each, was in zip(reversed(folders), reversed(before), strict=True):
            each.chmod(was)


async def _fill(target: Target, share: float) -> None:
    """Let no file of the roles grow beyond a few bytes: a write fails in its middle, as on a full disk."""
    pids = target.pipeline.pids
    try:
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_FULL, resource.RLIM_INFINITY))
        await target.hold(_AWAY_S * (1 + share), _UNWRITTEN)
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # it ended meanwhile, and its limit with it
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def _be_busy(target: Target, share: float) -> None:
    await target.break_calls("s3", "busy", _AWAY_S * (1 + share))


async def _deny(target: Target, share: float) -> None:
    await target.break_calls("s3", "deny", _AWAY_S * (1 + share), _UNWRITTEN)


async def _lose_answers(target: Target, share: float) -> None:
    await target.break_calls("s3", "mute", _AWAY_S * (1 + share))


async def _tear(target: Target, share: float) -> None:
    """Cut an object in its middle, wait until it is said, and put it back, as from a backup."""
    storage, pipeline, since = target.container.storage(), target.pipeline, len(target.pipeline.lines)
    info = await _choose(target, share)
    whole = await storage.get(info.key)
    await storage.put(info.key, whole[: len(whole) // 2], overwrite=True)
    try:
        named = f"({_TORN}).*{info.key.rpartition('/')[2]}"
        await until(lambda: bool(pipeline.told(named, since)), f"{info.key} to be said to be torn", _TOLD_S)
    finally:
        await storage.put(info.key, whole, overwrite=True)


async def _flip(target: Target, share: float) -> None:
    """Flip one bit of an object, have the proof look at it, and put the object back.

    Its size is what it was, so that no listing shows it: who reads it has to find out.
    """
    storage, since_ms = target.container.storage(), target.container.clock().wall_ms()
    info = await _choose(target, share)
    whole = await storage.get(info.key)
    flipped = bytearray(whole)
    flipped[int(share * len(whole))] ^= 1 << int(share * 997) % 8
    await storage.put(info.key, bytes(flipped), overwrite=True)
    try:
        async with target.prover() as prover:
            proof = await prover.prove(_records(info.key, whole), since_ms, since_ms)
    finally:
        await storage.put(info.key, whole, overwrite=True)
    said = [str(error) for error in proof.damage if error.key == info.key]
    if not said or proof.holds:
        raise RuntimeError(f"a bit of {info.key} was flipped, and the proof does not say so")
    target.pipeline.lines.append(f"ERROR [Prove] {said[0]}; lost={proof.lost} pending={proof.pending}")


def _records(key: str, data: bytes) -> Manifest:
    """Return the records of an object, as what was sent and accepted."""
    records = [record for _, record in objects.decode_records(objects.decode_object(key, data), LineFaults())]
    manifest = Manifest()
    manifest.add_sent(records)
    manifest.add_accepted(records)
    return manifest


async def _choose(target: Target, share: float) -> ObjectInfo:
    """Choose an object of the current hour, and wait for the first one of an hour that has just begun."""
    for _ in range(_LOOKS):
        folder = f"raw/{hour_path(hour_of(target.container.clock().wall_ms()))}/"
        listed = await target.container.storage().list(folder)
        if large := [each for each in listed if each.size > _SMALLEST]:
            return large[int(share * len(large))]
        await asyncio.sleep(_LOOK_EVERY_S)
    raise NotInjectedError("there is no object in the current hour yet")


_WRITERS: Final = frozenset({*CONSUMERS, AGGREGATOR})
_READER: Final = frozenset({AGGREGATOR})

FAULTS: Final = (
    Fault("store read-only", _read_only, _UNWRITTEN, store="local", roles=_WRITERS),
    Fault("store refuses", _refuse, _UNWRITTEN, store="local", roles=_WRITERS),
    Fault("disk full", _fill, _UNWRITTEN, store="local"),
    Fault("store busy", _be_busy, _UNWRITTEN, must_tell=False, store="s3", roles=_WRITERS),
    Fault("store denies", _deny, _UNWRITTEN, store="s3", roles=_WRITERS),
    Fault("answers of the store lost", _lose_answers, store="s3", roles=_WRITERS),
    Fault("object torn", _tear, _TORN, roles=_READER, times=2),
    Fault("bit flipped in an object", _flip, "is damaged", roles=_READER, times=2),
)
