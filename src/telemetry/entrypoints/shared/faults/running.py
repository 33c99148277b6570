"""A run under faults: a pipeline of its own, a schedule of injections, and what is proved in the end."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.errors import UsageError
from telemetry.domain.proof import injections, schedule
from telemetry.domain.proof.injections import Injection, Summary
from telemetry.domain.store import objects
from telemetry.entrypoints.process import runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Seed
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import proving
from telemetry.entrypoints.shared.faults import clients, clocks, exact, processes, queues, rights, stores
from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target
from telemetry.entrypoints.shared.faults.load import RATE, Load
from telemetry.entrypoints.shared.faults.pipeline import NAMES, Pipeline, until
from telemetry.entrypoints.shared.faults.relay import Relay
from telemetry.entrypoints.shared.keeping import Keeper

EVERY: Final[Mapping[str, Fault]] = {
    fault.kind: fault
    for fault in (
        *processes.FAULTS,
        *queues.FAULTS,
        *stores.FAULTS,
        *clocks.FAULTS,
        *clients.FAULTS,
    )
}
"""All faults by their kind."""

_RECOVERY_S: Final = 60.0  # after which a pipeline counts as not recovered
_SETTLE_S: Final = 120.0  # for all that was sent to be stored, and for its hours to be exact
_WRONGEST_CLOCK_MS: Final = 3 * HOUR_MS
_QUICK: Final[Mapping[str, str]] = {
    "AGGREGATE_INTERVAL": "0.5",
    "BATCH_TIMEOUT": "0.5",
    "INGEST_BODY_TIMEOUT": "2",
    "INGEST_HEAD_TIMEOUT": "2",
    "INGEST_RATE": str(4 * RATE),
    "LOG_FORMAT": "text",
    "QUEUE_VISIBILITY_TIMEOUT": "3",
    "SQS_POLL_WAIT": "1",
}
"""What a run sets, so that many faults fit into a few minutes."""


class FaultOptions(msgspec.Struct, frozen=True):
    """For how long, in which order, and which kinds: if none is named, all that can be had here.

    Those that are named are injected once at least, however long that takes.
    """

    minutes: Annotated[float, Meta(gt=0, le=10_000)] = 3
    schedule: Seed = 1
    only: str = ""

    def faults(self, configured: Settings) -> Sequence[Fault]:
        """Return the faults that are injected. Raise UsageError for a kind that is unknown or impossible."""
        possible = {kind: each for kind, each in EVERY.items() if each.concerns(configured)}
        named = [each.strip() for each in self.only.split(",") if each.strip()]
        for each in named:
            if each not in possible:
                raise UsageError(f"--only: {each!r}: it is one of {', '.join(sorted(possible))}")
        usual = [each for each in possible.values() if each not in clocks.FAULTS or clocks.library()]
        return [possible[each] for each in named] or usual


class Run:
    """What was injected into one target so far, and what is wrong that no fault explains."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.injections: list[Injection] = []
        self.complaints: list[str] = []

    async def inject(self, fault: Fault, share: float) -> Injection:
        """Inject a fault, and wait until all works again."""
        since = len(self.target.pipeline.lines)
        try:
            await fault.inject(self.target, share)
            recovered_s = await self._recover()
        except NotInjectedError as why:
            return Injection(fault.kind, why_not=str(why))
        except (TimeoutError, RuntimeError) as error:
            self.complaints.append(f"{fault.kind}: {error or 'not recovered'}")
            return Injection(fault.kind)
        told = self.target.pipeline.told(fault.tells, since) if fault.tells else ""
        return Injection(fault.kind, recovered_s=recovered_s, told=told)

    async def _recover(self) -> float:
        """Wait until all roles are ready, and a record passes all of them; return the seconds."""
        clock, pipeline = self.target.container.clock(), self.target.pipeline
        started_s = clock.monotonic_s()
        await until(lambda: pipeline.is_ready, "all roles to be ready", _RECOVERY_S)
        await self.target.load.recover(_RECOVERY_S)
        return clock.monotonic_s() - started_s


async def run(options: FaultOptions, folder: Path, stopping: asyncio.Event) -> int:
    """Run a pipeline under faults in a folder; the exit status says whether it kept its promises."""
    environment = _environment(folder)
    container = Container(settings=settings.load(environment))
    faults = options.faults(container.settings())
    since_ms = container.clock().wall_ms() - _WRONGEST_CLOCK_MS
    if not clocks.library():
        screen.explain(f"no clock jumps: {clocks.MISSING}")
    rights.give_up()
    async with opened(container.storage), _target(container, environment, folder) as target:
        done = Run(target)
        async with target.load.running():
            await _follow(done, faults, options, stopping)
        differences = await _settle(target)
        async with opened(container.queue):
            proof = await proving.prove(container, target.load.manifest, since_ms, _SETTLE_S)
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


async def _follow(done: Run, faults: Sequence[Fault], options: FaultOptions, stopping: asyncio.Event) -> None:
    """Inject what the schedule says until the time is over."""
    clock = done.target.container.clock()
    usual_s = await done.target.load.recover(_RECOVERY_S)
    screen.say(f"without a fault, a record is in the figures of its hour after {usual_s:.1f} s")
    by_kind = {each.kind: each for each in faults}
    ends_s = clock.monotonic_s() + 60 * options.minutes
    for planned in schedule.plan(list(by_kind), np.random.default_rng(options.schedule)):
        await runtime.pause(stopping, planned.pause_s)
        is_over = clock.monotonic_s() >= ends_s and not (options.only and len(done.injections) < len(faults))
        if stopping.is_set() or is_over:
            return
        injection = await done.inject(by_kind[planned.kind], planned.share)
        done.injections.append(injection)
        screen.say(f"{len(done.injections):>4}  {injection.kind:<32} {_outcome(injection)}")


def _outcome(injection: Injection) -> str:
    if injection.why_not:
        return f"not injected: {injection.why_not}"
    if injection.recovered_s is None:
        return "NOT RECOVERED"
    return f"recovered in {injection.recovered_s:.1f} s"


async def _settle(target: Target) -> Sequence[str]:
    """Wait until the figures are exact, and all poison is in quarantine; return what is not."""
    clock, hours = target.container.clock(), target.load.manifest.hours()
    ends_s = clock.monotonic_s() + _SETTLE_S
    while True:
        wrong = [*await exact.differences(target.container.storage(), hours), *await _unquarantined(target)]
        if not wrong or clock.monotonic_s() >= ends_s:
            return wrong
        await asyncio.sleep(1)


async def _unquarantined(target: Target) -> Sequence[str]:
    storage = target.container.storage()
    lines = {
        line
        for info in await storage.list(objects.QUARANTINE)
        for line in (await storage.get(info.key)).splitlines()
    }
    if len(lines) >= target.poisoned:
        return []
    return [f"{target.poisoned} poison bodies were sent, and {len(lines)} are in quarantine"]


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


def _environment(folder: Path) -> Mapping[str, str]:
    """Return the environment of the run's processes: what is set, in a folder of its own, and quick."""
    own = {"DATA_DIR": str(folder / "data"), "API_KEY": secrets.token_urlsafe(24)}
    given = settings.load()
    if given.queue_backend == "memory" or given.storage_backend == "memory":
        raise UsageError("QUEUE_BACKEND and STORAGE_BACKEND: memory cannot be shared by processes")
    if given.storage_backend == "s3" or given.queue_backend == "sqs":
        if not os.environ.get("AWS_ENDPOINT_URL"):
            raise UsageError("AWS_ENDPOINT_URL: not set; faults are for an emulator, and not for AWS")
        own["S3_PREFIX"] = f"{given.s3_prefix}faults-{secrets.token_hex(4)}/"
    return {**os.environ, **_QUICK, **own}


@asynccontextmanager
async def _target(
    container: Container, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Target]:
    """Start the pipeline and what stands between its parts, and end all of it with the context."""
    async with AsyncExitStack() as stack:
        port = runtime.free_port()
        relays = {"http": Relay(f"http://127.0.0.1:{port}")}
        if address := environment.get("AWS_ENDPOINT_URL"):
            relays |= {"sqs": Relay(address), "s3": Relay(address)}
        for each in relays.values():
            await stack.enter_async_context(each.listening())
        past_relays = {
            f"AWS_ENDPOINT_URL_{name.upper()}": each.url for name, each in relays.items() if name != "http"
        }
        wrong = clocks.prepare(folder)
        environments = {
            name: {**environment, **past_relays, **clocks.environment(wrong, name)} for name in NAMES
        }
        keeper = stack.enter_context(Keeper(folder / "logs", is_shown=False))
        pipeline = Pipeline(environments, port, keeper)
        stack.push_async_callback(pipeline.stop)
        await pipeline.start()
        load = Load(container, relays["http"].url)
        yield Target(pipeline, load, container, environment, relays, wrong)
