"""`make histories`: run the product through histories that seeds draw, and say which promises were broken.

The exit status is 0 if none was. Each that was is written to a file, with a command that replays it.
"""

import argparse
import contextlib
import gc
import logging
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from harness.histories import report
from harness.histories.draw import draw
from harness.histories.laws import BrokenError
from harness.histories.options import History
from harness.histories.plants import PLANTS
from harness.histories.report import Failure, Tally
from harness.histories.run import run
from harness.histories.shrink import shrink

_SAVED_EVERY: Final = 500
_SHOWN: Final = 30
_BUDGET: Final = 1000
_COLLECTED_AFTER: Final = 20_000  # objects that were made and are still there


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    logging.getLogger("telemetry").setLevel(logging.CRITICAL)
    gc.freeze()  # what was imported stays, and to look through it again and again takes a fifth of the time
    gc.set_threshold(_COLLECTED_AFTER)
    if options.table:
        return _print_table()
    if options.planted:
        return _run_plants()
    if options.replay:
        return _replay(options.replay)
    with _planted(options.plant):
        if options.seed is not None:
            return _told(draw(options.seed), options.plant)
        return _run_many(Tally.of(options.first, options.count, is_resumed=options.resume), options.plant)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.histories", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run the history of this seed, and tell it")
    parser.add_argument(
        "--plant", default="", choices=["", *PLANTS], help="plant a defect, and stop once it is found"
    )
    parser.add_argument("--planted", action="store_true", help="plant each defect in turn")
    parser.add_argument("--replay", type=Path, help="run the shrunk history of a file, and tell it")
    parser.add_argument("--resume", action="store_true", help="go on where a run of the same seeds stopped")
    parser.add_argument("--table", action="store_true", help="print what all runs that are kept have found")
    return parser


def _planted(name: str) -> contextlib.AbstractContextManager[object]:
    return PLANTS[name]() if name else contextlib.nullcontext()


def _run_many(tally: Tally, plant: str) -> int:
    code, shrunk = report.code(), set[str]()
    while tally.at < tally.end and not (plant and tally.broken):
        cpu_s, wall_s = time.process_time(), time.monotonic()
        ended = run(draw(tally.at))
        tally.cpu_s += time.process_time() - cpu_s
        tally.wall_s += time.monotonic() - wall_s
        if ended.broken:
            _show(_failure(draw(tally.at), ended.broken, plant, is_shrunk=ended.broken.law not in shrunk))
            shrunk.add(ended.broken.law)
        tally.add(ended.counts, ended.broken, code)
        if not plant and (tally.at % _SAVED_EVERY == 0 or tally.at == tally.end):
            tally.save()
            _progress(tally)
    print(report.table([tally]))
    return int(bool(tally.broken))


def _print_table() -> int:
    try:
        print(report.table(report.stored()))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run_plants() -> int:
    """Plant each defect, and say by which history it is found."""
    missed = 0
    print(f"{'defect':<28} found by  law")
    for name in PLANTS:
        with _planted(name), warnings.catch_warnings(action="ignore"):  # of numbers that are wrong on purpose
            found = next(
                ((seed, broken) for seed in range(_BUDGET) if (broken := run(draw(seed)).broken)), None
            )
        missed += not found
        print(
            f"{name:<28} {found[0] + 1:>8}  {found[1].law}" if found else f"{name:<28} not within {_BUDGET}"
        )
    return int(missed > 0)


def _failure(drawn: History, broken: BrokenError, plant: str, *, is_shrunk: bool) -> Failure:
    """Tell a history that broke a law. The first of each law is shrunk, which takes thousands of runs."""
    shrunk = shrink(lambda history: run(history).broken, drawn, broken) if is_shrunk else drawn
    told = run(shrunk, is_told=True)
    assert told.broken
    return Failure(told.broken.law, str(told.broken), plant, told.digest, drawn, shrunk, told.tale)


def _show(failure: Failure) -> None:
    path = failure.write()
    print(f"seed {failure.drawn.seed} breaks a law: {failure.what}")
    print(f"  options  {failure.drawn.options}")
    print(f"  events   {len(failure.drawn.events)}, shrunk to {len(failure.shrunk.events)}, in {path}")
    print(f"  replay   make histories REPLAY={path}", flush=True)


def _replay(path: Path) -> int:
    """Run a shrunk history again, and say whether it is the same."""
    failure = msgspec.json.decode(path.read_bytes(), type=Failure)
    with _planted(failure.plant):
        status = _told(failure.shrunk, failure.plant)
        digest = run(failure.shrunk).digest
    print(
        "the trace is the same"
        if digest == failure.digest
        else "the trace is another one: the code has changed"
    )
    return status


def _told(history: History, plant: str) -> int:
    ended = run(history, is_told=True)
    print(f"{history.options}" + (f" with {plant}" if plant else ""))
    for event in history.events:
        print(f"  {msgspec.json.encode(event).decode()}")
    print("\n".join(ended.tale[-_SHOWN:]))
    print(f"digest {ended.digest}")
    print(ended.broken or "no law was broken")
    return int(ended.broken is not None)


def _progress(tally: Tally) -> None:
    if sys.stderr.isatty():
        done = tally.at - tally.first
        print(f"\r{done:,} of {tally.end - tally.first:,} histories", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of names have to be in one order in every run
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "harness.histories", *sys.argv[1:]])
    sys.exit(main(sys.argv[1:]))
