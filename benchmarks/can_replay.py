"""How fast `telemetry replay` reads, decodes and posts a log, beside `cantools decode` and asammdf.

Run by `make bench-can`, after `can_decode`. It makes two candump logs, in which one frame of nine, or nearly
all of them, has a definition. Each is read and decoded by the command, without a receiver and with one, whose
records are counted in the store at the end. Memory is measured for a fifth of the log and for the whole. The
other programs decode a smaller log of the same frames, since they take longer: `cantools decode` prints every
frame, and asammdf extracts the signals of an MDF file that holds the frames.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import can
import numpy as np
from asammdf import MDF

from benchmarks import report
from benchmarks.pipeline import Pipeline, pipeline
from telemetry.adapters.can.catalogue import BMW_I3

_GOAL_READ: Final = 4 * 153_000  # four times what one frame a Python object made of it
_GOAL_POSTED: Final = 150_000
_SPARSE, _DENSE = 0.11, 0.98  # shares of frames that have a definition
_KNOWN: Final = 0x112
_STEP_US: Final = 1000  # so that no frame of an id has the millisecond of another
_PART: Final = 100_000
_PEER: Final = 20  # the share of a log that the other programs decode is one part of so many


def write(path: Path, frames: int, share: float) -> None:
    """Write a candump log that ends now, of a voltage that changes and of ids that no file defines."""
    rng, start_us = np.random.default_rng(1), time.time_ns() // 1000 - frames * _STEP_US
    with path.open("w") as file:
        for first in range(0, frames, _PART):
            known = rng.random(min(_PART, frames - first)) < share
            unknown, values = rng.integers(0x600, 0x680, len(known)), rng.integers(3500, 4000, len(known))
            for place in range(len(known)):
                time_us = start_us + (first + place) * _STEP_US
                can_id = _KNOWN if known[place] else unknown[place]
                low, high = values[place] & 0xFF, values[place] >> 8
                file.write(
                    f"({time_us // 1_000_000}.{time_us % 1_000_000:06}) can0 {can_id:03X}#FA1F{low:02X}{high:02X}B7719558\n"
                )


def replay(log: Path, *options: str, environment: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Run the command; return its summary, how long it took, and the most memory that it had (megabytes)."""
    command = [sys.executable, "-m", "telemetry", "replay", str(log), "--summary", "json", *options]
    started_s = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, env=environment)  # noqa: S603  # this program itself
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        summary = json.loads(output.read())
    if process.returncode:
        raise RuntimeError(f"The replay failed: {summary['faults']}")
    return {
        **summary["totals"],
        "seconds": time.perf_counter() - started_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "memory_mb": usage.ru_maxrss / 1024,
    }


def read(log: Path, part: Path, share: float) -> Mapping[str, Any]:
    """Read and decode a log, and a fifth of it, without posting."""
    some, whole = (replay(path, "--dry-run") for path in (part, log))
    return {
        "name": f"can_read_{share:.0%}",
        "frames": whole["read"],
        "decoded": whole["decoded"],
        "frames_per_s": round(whole["read"] / whole["seconds"]),
        "goal_frames_per_s": _GOAL_READ if share == _SPARSE else 0,
        "cpu_us_per_frame": round(whole["cpu_s"] / whole["read"] * 1e6, 2),
        "memory_mb": round(whole["memory_mb"]),
        "memory_of_a_fifth_mb": round(some["memory_mb"]),
    }


def post(log: Path, part: Path) -> Mapping[str, Any]:
    """Post a log, and wait until all of it is stored."""
    with pipeline() as small:
        some = replay(part, *_to(small), environment=small.environment)
    with pipeline() as ours:
        before_s = ours.cpu()
        started_s = time.perf_counter()
        whole = replay(log, *_to(ours), environment=ours.environment)
        ours.settle(whole["accepted"])
        seconds = time.perf_counter() - started_s
        used_s = {role: after_s - before_s[role] for role, after_s in ours.cpu().items()}
        stored = ours.lines()
    return {
        "name": f"can_posted_{_DENSE:.0%}",
        "frames": whole["read"],
        "accepted": whole["accepted"],
        "frames_per_s": round(whole["read"] / seconds),
        "goal_frames_per_s": _GOAL_POSTED,
        "replay_us": round(whole["cpu_s"] / whole["read"] * 1e6, 2),
        **{f"{role}_us": round(each_s / whole["read"] * 1e6, 2) for role, each_s in used_s.items()},
        "memory_mb": round(whole["memory_mb"]),
        "memory_of_a_fifth_mb": round(some["memory_mb"]),
        "lost": whole["accepted"] - stored,
    }


def _to(made: Pipeline) -> Sequence[str]:
    return ("--vehicle-id", "veh-00001", "--keep-time", "--url", made.url)


def peers(log: Path) -> Mapping[str, Any]:
    """Decode a log by `cantools decode`, and its frames in an MDF file by asammdf."""
    frames = log.read_bytes().count(b"\n")
    with log.open("rb") as source:
        command = [sys.executable, "-m", "cantools", "decode", "--single-line", str(BMW_I3)]
        started_s = time.perf_counter()
        subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, check=True)  # noqa: S603  # a program
        cantools_s = time.perf_counter() - started_s
    path = log.with_suffix(".mf4")
    with can.LogReader(log) as messages, can.Logger(path) as logger:
        for message in messages:
            message.channel = 0
            logger(message)
    with MDF(path) as mdf:
        started_s = time.perf_counter()
        mdf.extract_bus_logging({"CAN": [(str(BMW_I3), 0)]})
        asammdf_s = time.perf_counter() - started_s
    return {
        "name": "can_peers",
        "frames": frames,
        "cantools_frames_per_s": round(frames / cantools_s),
        "asammdf_frames_per_s": round(frames / asammdf_s),
    }


@contextmanager
def _logs(frames: int, share: float) -> Iterator[tuple[Path, Path, Path]]:
    """Make a log, a fifth of it, and the part for the other programs."""
    with tempfile.TemporaryDirectory(prefix="telemetry-can-") as folder:
        paths = [Path(folder) / f"{name}.log" for name in ("whole", "fifth", "peer")]
        for path, count in zip(paths, (frames, frames // 5, frames // _PEER), strict=True):
            write(path, count, share)
        yield paths[0], paths[1], paths[2]


def main() -> int:
    chosen = report.arguments(__doc__, frames=5_000_000)
    with _logs(chosen.frames, _SPARSE) as (whole, fifth, _):
        answers = [read(whole, fifth, _SPARSE)]
    with _logs(chosen.frames, _DENSE) as (whole, fifth, peer):
        answers += [read(whole, fifth, _DENSE), post(whole, fifth), peers(peer)]
    return report.show(answers, chosen)


if __name__ == "__main__":
    sys.exit(main())
