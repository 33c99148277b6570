"""Whether a record costs the same with more vehicles, and with a larger backlog.

Run by `make bench`. Vehicles: the same load comes from 10 to 10,000 of them. Backlog: the receiver fills the
queue part after part, without a consumer. Then a consumer takes all of it, and its first half is compared
with its second.
"""

import argparse
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, Final

from benchmarks import report
from benchmarks.pipeline import Pipeline, pipeline
from harness.roles import wait_until

_VEHICLES: Final = (10, 100, 1_000, 10_000)
_GOAL_SPREAD: Final = 0.15
_PARTS: Final = 5  # in which a backlog is filled
_HALVES: Final = 2  # in which it is emptied, which takes seconds


def of_vehicles(duration_s: float) -> Mapping[str, Any]:
    """Load a new pipeline from fleets of several sizes, each for `duration_s`."""
    rates, costs = {}, {}
    for vehicles in _VEHICLES:
        with pipeline() as ours:
            before = sum(ours.cpu().values())
            sent = ours.load(records=500, connections=8, vehicles=vehicles, seconds=duration_s)
            ours.settle(sent["accepted"])
            rates[vehicles] = sent["accepted"] / sent["seconds"]
            costs[vehicles] = (sum(ours.cpu().values()) - before) / sent["accepted"] * 1e6
    return {
        "name": "growth_vehicles",
        **{f"records_per_s_{vehicles}": round(rate) for vehicles, rate in rates.items()},
        **{f"cpu_us_{vehicles}": round(cost, 2) for vehicles, cost in costs.items()},
        "spread_rate": _spread(rates.values()),
        "spread_cost": _spread(costs.values()),
        "goal_spread": _GOAL_SPREAD,
    }


def of_backlog(records: int) -> Mapping[str, Any]:
    """Fill a queue with `records` part by part, and empty it again."""
    with pipeline("receiver") as ours:
        filling = [_fill(ours, records // _PARTS, part) for part in range(_PARTS)]
        ours.start("consumer")
        draining = list(_drain(ours, records))
        stored = ours.stored()
        return {
            "name": "growth_backlog",
            "records": records,
            "filling_cpu_us": ",".join(f"{cost:.2f}" for cost in filling),
            "draining_records_per_s": ",".join(f"{rate:.0f}" for rate, _ in draining),
            "draining_cpu_us": ",".join(f"{cost:.2f}" for _, cost in draining),
            "spread_filling_cost": _spread(filling),
            "spread_draining_rate": _spread([rate for rate, _ in draining]),
            "spread_draining_cost": _spread([cost for _, cost in draining]),
            "goal_spread": _GOAL_SPREAD,
            "lost": records - stored.unique,
        }


def _fill(ours: Pipeline, records: int, part: int) -> float:
    """Post `records`; return the CPU time that one took of the receiver, in us."""
    before = ours.cpu()["receiver"]
    sent = ours.load(records=500, connections=8, seconds=600, limit=records, behind=3600 - 300 * part)
    return float((ours.cpu()["receiver"] - before) / sent["accepted"] * 1e6)


def _drain(ours: Pipeline, records: int) -> Iterator[tuple[float, float]]:
    """Watch a consumer take a backlog; yield records a second, and us of CPU a record, for each half."""
    part = records / _HALVES
    wait_until(lambda: ours.lines() > 0, "the first line to be stored", 30)  # to start is another question
    lines, since, used = ours.lines(), time.monotonic(), ours.cpu()["consumer"]
    while lines < records:
        goal = min(lines + part, records)
        wait_until(partial(_has_stored, ours, goal), f"{goal} lines to be stored")
        found, now, cpu = ours.lines(), time.monotonic(), ours.cpu()["consumer"]
        if found >= lines + part / 2:  # what is left at the end is too little to measure
            yield (found - lines) / (now - since), (cpu - used) / (found - lines) * 1e6
        lines, since, used = found, now, cpu


def _has_stored(ours: Pipeline, lines: float) -> bool:
    return ours.lines() >= lines


def _spread(values: Collection[float]) -> float:
    """Return the share by which the highest is above the lowest."""
    return round(max(values) / min(values) - 1, 3)


def main() -> int:
    chosen: argparse.Namespace = report.arguments(__doc__, seconds=8, backlog=5_000_000)
    return report.show([of_vehicles(chosen.seconds), of_backlog(chosen.backlog)], chosen)


if __name__ == "__main__":
    sys.exit(main())
