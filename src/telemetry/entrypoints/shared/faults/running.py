"""A run under faults: a pipeline of its own, a schedule of injections, and what is proved in the end."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.proof import injections, schedule
from telemetry.domain.proof.injections import Injection
from telemetry.entrypoints.process import screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.shared import proving
from telemetry.entrypoints.shared.faults import clocks, injecting, rights, settling, starting, table
from telemetry.entrypoints.shared.faults.awaiting import described
from telemetry.entrypoints.shared.faults.fault import Fault, Target
from telemetry.entrypoints.shared.faults.injecting import Injector
from telemetry.entrypoints.shared.faults.options import FaultOptions

_WRONGEST_CLOCK_MS: Final = 3 * HOUR_MS


async def run(options: FaultOptions, folder: Path, stopping: asyncio.Event) -> int:
    """Run a pipeline under faults in a folder; the exit status says whether it kept its promises.

    Once the pipeline runs, whatever goes wrong is said, and the run goes on to its proof.
    """
    environment = starting.environment_of(folder)
    container = Container(settings=settings.load(environment))
    faults = options.faults(container.settings())
    since_ms = container.clock().wall_ms() - _WRONGEST_CLOCK_MS
    if not clocks.library():
        screen.explain(f"no clock jumps: {clocks.MISSING}")
    rights.give_up()
    async with opened(container.storage), starting.started(container, environment, folder) as target:
        done = Injector(target, lambda number, injection: screen.say(table.line(number, injection)))
        ended = await _disturb(done, faults, options, stopping)
        differences = await settling.settle(target)
        wrong = [*ended, *done.complaints, *_judge(done.injections, faults), *differences]
        _complain(wrong)
        async with opened(container.queue):
            proof = await proving.prove(container, target.load.manifest, since_ms, settling.PATIENCE_S)
        at_end = await _end(target)
    _complain(at_end)
    if not differences:
        hours = screen.counted(len(target.load.manifest.hours()), "hour")
        screen.explain(f"{hours} of figures: exact, as a model that reads each line once")
    return proving.conclude(container, proof) or int(bool(wrong or at_end) or stopping.is_set())


async def _disturb(
    injector: Injector, faults: Sequence[Fault], options: FaultOptions, stopping: asyncio.Event
) -> Sequence[str]:
    """Inject faults under load; return why that ended early, if it did."""
    try:
        async with injector.target.load.running():
            await _follow(injector, faults, options, stopping)
    except Exception as error:  # noqa: BLE001  # whatever it is, what was sent until then is to be proved
        return [f"the run was cut short: {described(error)}"]
    return []


async def _follow(
    injector: Injector, faults: Sequence[Fault], options: FaultOptions, stopping: asyncio.Event
) -> None:
    """Inject each kind once, however long that takes, and more until the time is over.

    Once something was not recovered from the run has failed, and only the time counts.
    """
    clock, load = injector.target.container.clock(), injector.target.load
    usual_s = await load.recover(injecting.RECOVERY_S)
    screen.say(f"without a fault, a record is in the figures of its hour after {usual_s:.1f} s")
    by_kind = {each.kind: each for each in faults}
    ends_s = clock.monotonic_s() + 60 * options.minutes

    def is_wanted(number: int) -> bool:
        is_due = number <= len(faults) and not injector.complaints
        return not stopping.is_set() and (is_due or clock.monotonic_s() < ends_s)

    async with asyncio.TaskGroup() as group:
        plan = schedule.plan(options.times(faults), np.random.default_rng(options.schedule))
        for number, planned in enumerate(plan, start=1):
            await injector.place()
            if not is_wanted(number):
                return
            injector.begin(group, by_kind[planned.kind], planned, partial(is_wanted, number))


def _judge(done: Sequence[Injection], faults: Sequence[Fault]) -> Sequence[str]:
    """Print the table of all kinds that were asked for; return what speaks against the run."""
    must_tell = {each.kind: bool(each.tells) and each.must_tell for each in faults}
    summaries = table.of_each(injections.summarise(done), must_tell)
    table.show(summaries)
    return list(injections.objections(summaries, must_tell))


async def _end(target: Target) -> Sequence[str]:
    """Stop all roles; return what was wrong with them, or with the load."""
    wrong = [*target.load.objections(), *await target.pipeline.stop()]
    if target.pipeline.tracebacks:
        wrong.append(
            f"roles ended with {screen.counted(target.pipeline.tracebacks, 'traceback')}; see their logs"
        )
    return wrong


def _complain(wrong: Sequence[str]) -> None:
    for each in wrong:
        screen.complain(each)
