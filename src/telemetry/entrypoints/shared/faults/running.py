"""A run under faults: a pipeline of its own, a schedule of injections, and what is proved in the end."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.proof import injections, schedule
from telemetry.domain.proof.injections import Injection, Summary
from telemetry.entrypoints.process import screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.shared import proving
from telemetry.entrypoints.shared.faults import clocks, injecting, rights, settling, starting
from telemetry.entrypoints.shared.faults.fault import Fault
from telemetry.entrypoints.shared.faults.injecting import Injector
from telemetry.entrypoints.shared.faults.options import FaultOptions
from telemetry.entrypoints.shared.faults.pipeline import Pipeline

_WRONGEST_CLOCK_MS: Final = 3 * HOUR_MS


async def run(options: FaultOptions, folder: Path, stopping: asyncio.Event) -> int:
    """Run a pipeline under faults in a folder; the exit status says whether it kept its promises."""
    environment = starting.environment_of(folder)
    container = Container(settings=settings.load(environment))
    faults = options.faults(container.settings())
    since_ms = container.clock().wall_ms() - _WRONGEST_CLOCK_MS
    if not clocks.library():
        screen.explain(f"no clock jumps: {clocks.MISSING}")
    rights.give_up()
    async with opened(container.storage), starting.started(container, environment, folder) as target:
        done = Injector(target, _tell)
        async with target.load.running():
            await _follow(done, faults, options, stopping)
        differences = await settling.settle(target)
        async with opened(container.queue):
            proof = await proving.prove(container, target.load.manifest, since_ms, settling.PATIENCE_S)
    summaries = injections.summarise(done.injections)
    _show(summaries)
    must_tell = {each.kind: bool(each.tells) and each.must_tell for each in faults}
    wrong = [
        *done.complaints,
        *injections.objections(summaries, must_tell),
        *differences,
        *_unexplained(target.pipeline),
    ]
    for each in wrong:
        screen.complain(each)
    hours = screen.counted(len(target.load.manifest.hours()), "hour")
    if not differences:
        screen.explain(f"{hours} of figures: exact, as a model that reads each line once")
    return proving.conclude(container, proof) or int(bool(wrong) or stopping.is_set())


async def _follow(
    injector: Injector, faults: Sequence[Fault], options: FaultOptions, stopping: asyncio.Event
) -> None:
    """Inject what the schedule says until the time is over."""
    clock, load = injector.target.container.clock(), injector.target.load
    usual_s = await load.recover(injecting.RECOVERY_S)
    screen.say(f"without a fault, a record is in the figures of its hour after {usual_s:.1f} s")
    by_kind = {each.kind: each for each in faults}
    least = len(faults) if options.only else 0
    ends_s = clock.monotonic_s() + 60 * options.minutes

    def is_wanted(number: int) -> bool:
        return not stopping.is_set() and (number <= least or clock.monotonic_s() < ends_s)

    async with asyncio.TaskGroup() as group:
        plan = schedule.plan(options.times(faults), np.random.default_rng(options.schedule))
        for number, planned in enumerate(plan, start=1):
            await injector.place()
            if not is_wanted(number):
                return
            injector.begin(group, by_kind[planned.kind], planned, partial(is_wanted, number))


def _tell(number: int, injection: Injection) -> None:
    screen.say(f"{number:>4}  {injection.kind:<32} {_outcome(injection)}")


def _outcome(injection: Injection) -> str:
    if injection.why_not:
        return f"not injected: {injection.why_not}"
    if injection.recovered_s is None:
        return "NOT RECOVERED"
    return f"recovered in {injection.recovered_s:.1f} s"


def _unexplained(pipeline: Pipeline) -> Iterator[str]:
    if pipeline.tracebacks:
        yield f"roles ended with {screen.counted(pipeline.tracebacks, 'traceback')}; see their logs"


def _show(summaries: Sequence[Summary]) -> None:
    rows = [
        (each.kind, each.injected, each.recovered, f"{each.worst_s:.1f} s", each.told or each.why_not or "-")
        for each in summaries
    ]
    screen.table(
        f"{screen.counted(sum(each.injected for each in summaries), 'fault')} of {len(rows)} kinds",
        ("fault", "injected", "recovered", "worst", "what the operator was told"),
        rows,
    )
