"""Clocks of roles that jump, where libfaketime is installed: it reads how wrong a clock is from a file.

Under it an event loop takes many times the processor. So a role is started again under it before its clock
jumps, and without it once all works again.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target
from telemetry.entrypoints.shared.faults.pipeline import AGGREGATOR, CONSUMERS, NAMES, RECEIVER

_PLACES: Final = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
    "/opt/homebrew/lib/faketime/libfaketimeMT.so.1",
)
_SHARED: Final = Path("/dev/shm")  # noqa: S108  # where Linux has what processes share
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WRONG_S: Final = 3.0  # for so long a clock is wrong; libfaketime looks once a second
_READ_S: Final = 3.0  # after which every call has read the file anew: it looks at whole seconds
_RIGHT: Final = "+0\n"
MISSING: Final = "libfaketime is not installed (Debian: faketime)"


def prepare(folder: Path) -> Mapping[str, str]:
    """Make the file of each role, by its name; none if libfaketime is not there."""
    if not library():
        return {}
    files = {name: folder / f"clock-{name}" for name in NAMES}
    for file in files.values():
        file.write_text(_RIGHT)
    return {name: str(file) for name, file in files.items()}


def environment(file: str) -> Mapping[str, str]:
    """Return the variables by which a clock is read from a file, the monotonic one excepted."""
    return {
        "LD_PRELOAD": library(),
        "FAKETIME_TIMESTAMP_FILE": file,
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_STAT": "1",
        "NO_FAKE_STAT": "1",
    }


def library() -> str:
    """Find libfaketime; nothing if it is not installed."""
    return next((str(found) for place in _PLACES for found in sorted(Path("/").glob(place[1:]))), "")


async def _jump(names: Sequence[str], jumps: Sequence[int], target: Target, share: float) -> None:
    """Let the clock of one role be wrong for a while, by one of `jumps` in seconds."""
    name = names[int(share * len(names))]
    if name not in target.clocks:
        raise NotInjectedError(MISSING)
    jump_s = jumps[int(share * 997) % len(jumps)]
    try:
        await target.pipeline.restart(name, environment(target.clocks[name]))
    finally:
        target.faked.add(target.pipeline.pid(name))
    _set(target.clocks[name], f"{jump_s:+d}\n")
    try:
        await asyncio.sleep(_WRONG_S)
    finally:
        _set(target.clocks[name], _RIGHT)
    await asyncio.sleep(_READ_S)


async def _forget(names: Sequence[str], target: Target, share: float) -> None:
    """Start a role again without libfaketime."""
    name = names[int(share * len(names))]
    pid = target.pipeline.pid(name)
    await target.pipeline.restart(name, {})
    clean({pid} & target.faked)


def clean(pids: Collection[int]) -> None:
    """Remove what libfaketime leaves in memory that processes share, of processes that have ended.

    It names it by the first process, and removes it itself only if that process ends without a signal.
    """
    for pid in pids:
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            (_SHARED / name).unlink(missing_ok=True)


def _set(file: str, text: str) -> None:
    """Write how wrong a clock is, at once and whole, since it is read at any time."""
    new = Path(f"{file}.new")
    new.write_text(text)
    new.replace(file)


def _jumps(role: str, names: Sequence[str], roles: Sequence[str], jumps: Sequence[int]) -> Fault:
    inject, after = partial(_jump, names, jumps), partial(_forget, names)
    return Fault(f"clock of {role} jumps", inject, roles=frozenset(roles), after=after)


# The clock of a receiver decides what is believed: beyond a week no record is in an hour, which is no fault.
# By what it stamps, it disturbs all roles.
FAULTS: Final = (
    _jumps("receiver", (RECEIVER,), NAMES, (-2 * _HOUR, -_MINUTE, 4 * _MINUTE, 2 * _HOUR)),
    _jumps("consumer", CONSUMERS, CONSUMERS, (-365 * _DAY, -_HOUR, _HOUR, 365 * _DAY)),
    _jumps("aggregator", (AGGREGATOR,), (AGGREGATOR,), (-_DAY, -_HOUR, _HOUR, _DAY)),
)
