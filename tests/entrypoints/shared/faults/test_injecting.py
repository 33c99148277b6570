"""Faults of different roles overlap; at one role each waits until all works again after the one before."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, cast

import pytest

from telemetry.domain.errors import TelemetryError
from telemetry.domain.proof.injections import Injection
from telemetry.domain.proof.schedule import Planned
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.faults import injecting
from telemetry.entrypoints.shared.faults.fault import Fault, NotInjectedError, Target
from telemetry.entrypoints.shared.faults.injecting import Injector
from telemetry.entrypoints.shared.faults.pipeline import AGGREGATOR, CONSUMERS, NAMES, RECEIVER, Pipeline


class Healthy:
    """A pipeline of no process: its roles are ready but those in `down`, and turn but those in `hung`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.down: set[str] = set()
        self.hung: set[str] = set()

    def are_ready(self, names: Collection[str]) -> bool:
        return not self.down & set(names)

    def have_turned(self, names: Collection[str], within_s: float) -> bool:
        return not self.hung & set(names)

    def told(self, pattern: str, since: int) -> str:
        return next((line for line in self.lines[since:] if pattern in line), "")


class Load:
    """A load through which a record comes as soon as that is allowed."""

    def __init__(self) -> None:
        self.passes = asyncio.Event()
        self.passes.set()

    async def recover(self, patience_s: float) -> float:
        try:
            async with asyncio.timeout(patience_s):
                await self.passes.wait()
        except TimeoutError:
            raise TimeoutError("no record passed") from None
        return 0.0


class Bench:
    """An injector, and faults that are over when they are told to be."""

    def __init__(self) -> None:
        container = Container(settings=Settings())
        self.pipeline, self.load = Healthy(), Load()
        target = Target(cast("Pipeline", self.pipeline), cast("Any", self.load), container, {}, {}, {})
        self.told: list[tuple[int, Injection]] = []
        self.injector = Injector(target, lambda *each: self.told.append(each))
        self.begun: list[str] = []
        self.over: dict[str, asyncio.Event] = {}

    def fault(self, kind: str, *roles: str, tells: str = "") -> Fault:
        self.over[kind] = asyncio.Event()

        async def inject(_target: Target, _share: float) -> None:
            self.begun.append(kind)
            self.pipeline.lines.append(f"line of {kind}")
            await self.over[kind].wait()

        return Fault(kind, inject, tells, roles=frozenset(roles or NAMES))

    async def begin(self, group: asyncio.TaskGroup, *faults: Fault) -> None:
        for each in faults:
            await self.injector.place()
            self.injector.begin(group, each, Planned(each.kind, 0.0, 0.5), lambda: True)
        await settled()

    @property
    def done(self) -> Sequence[str]:
        return [each.kind for each in self.injector.injections]


async def settled() -> None:
    """Let every task come as far as it can; none of them waits for a time."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_faults_of_different_roles_overlap_and_those_of_one_role_do_not():
    bench = Bench()
    kinds = [
        bench.fault("first", RECEIVER),
        bench.fault("second", AGGREGATOR),
        bench.fault("third", RECEIVER),
    ]
    async with asyncio.TaskGroup() as group:
        await bench.begin(group, *kinds)
        assert bench.begun == ["first", "second"]
        bench.over["second"].set()
        await settled()
        assert (bench.begun, bench.done) == (["first", "second"], ["second"])
        bench.over["first"].set()
        await settled()
        assert (bench.begun, bench.done) == (["first", "second", "third"], ["second", "first"])
        bench.over["third"].set()
    assert [(number, each.kind) for number, each in bench.told] == [(1, "second"), (2, "first"), (3, "third")]


async def test_a_role_is_not_disturbed_again_until_a_record_has_passed_all_roles():
    bench = Bench()
    bench.load.passes.clear()
    async with asyncio.TaskGroup() as group:
        await bench.begin(group, bench.fault("first", RECEIVER), bench.fault("second", RECEIVER))
        bench.over["first"].set()
        await settled()
        assert (bench.begun, bench.done) == (["first"], [])
        bench.load.passes.set()
        await settled()
        assert (bench.begun, bench.done) == (["first", "second"], ["first"])
        bench.over["second"].set()


async def test_a_fault_of_all_roles_is_alone():
    bench = Bench()
    kinds = [bench.fault("first", RECEIVER), bench.fault("of all"), bench.fault("last", AGGREGATOR)]
    async with asyncio.TaskGroup() as group:
        await bench.begin(group, *kinds)
        for so_far in (["first"], ["first", "of all"], ["first", "of all", "last"]):
            assert bench.begun == so_far
            bench.over[so_far[-1]].set()
            await settled()


async def test_no_more_than_a_few_are_planned_ahead():
    bench = Bench()
    async with asyncio.TaskGroup() as group:
        await bench.begin(group, *(bench.fault(str(number)) for number in range(6)))
        waiting = asyncio.create_task(bench.injector.place())
        await settled()
        assert not waiting.done()
        bench.over["0"].set()
        await waiting
        for each in bench.over.values():
            each.set()


async def test_what_is_not_wanted_any_more_in_its_turn_is_left_out():
    bench = Bench()
    async with asyncio.TaskGroup() as group:
        await bench.injector.place()
        bench.injector.begin(group, bench.fault("late"), Planned("late", 0.0, 0.5), lambda: False)
    assert (bench.begun, bench.done, bench.told) == ([], [], [])


async def test_a_role_that_does_not_come_back_is_a_complaint_and_no_recovery(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(injecting, "RECOVERY_S", 0.05)
    bench = Bench()
    bench.pipeline.down.add(RECEIVER)
    for role in (RECEIVER, AGGREGATOR):
        fault = bench.fault(f"of {role}", role)
        bench.over[fault.kind].set()
        injection = await bench.injector.inject(fault, 0.5)
        assert (injection.recovered_s is None) == (role == RECEIVER)
    assert bench.injector.complaints == ["of receiver: waited 0.05 s in vain for receiver to be ready"]


async def test_a_role_that_is_ready_and_hangs_is_a_complaint_although_a_record_passes(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(injecting, "RECOVERY_S", 0.05)
    bench = Bench()
    bench.pipeline.hung.add(CONSUMERS[1])
    fault = bench.fault("of consumers", *CONSUMERS)
    bench.over[fault.kind].set()
    assert (await bench.injector.inject(fault, 0.5)).recovered_s is None
    assert bench.injector.complaints == [
        "of consumers: waited 0.05 s in vain for consumer-1, consumer-2 to finish a turn"
    ]


async def test_a_fault_that_meets_a_role_that_is_gone_does_not_end_the_run():
    bench = Bench()

    async def inject(_target: Target, _share: float) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    other = bench.fault("other", AGGREGATOR)
    bench.over["other"].set()
    async with asyncio.TaskGroup() as group:
        await bench.begin(group, Fault("bad bodies", inject, roles=frozenset({RECEIVER})), other)
    assert bench.done == ["bad bodies", "other"]
    assert bench.injector.complaints == ["bad bodies: ConnectionRefusedError: [Errno 111] Connection refused"]


async def test_what_is_done_after_a_fault_is_done_once_a_record_has_passed():
    bench, done = Bench(), asyncio.Event()
    bench.load.passes.clear()

    async def after(_target: Target, _share: float) -> None:
        done.set()

    fault = bench.fault("fault")._replace(after=after)
    bench.over["fault"].set()
    injecting = asyncio.create_task(bench.injector.inject(fault, 0.5))
    await settled()
    assert not done.is_set()
    bench.load.passes.set()
    assert (await injecting).recovered_s is not None
    assert done.is_set()


async def test_a_record_that_does_not_pass_is_a_complaint(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(injecting, "RECOVERY_S", 0.05)
    bench = Bench()
    bench.load.passes.clear()
    fault = bench.fault("wedge")
    bench.over["wedge"].set()
    assert (await bench.injector.inject(fault, 0.5)).recovered_s is None
    assert bench.injector.complaints == ["wedge: no record passed"]


@pytest.mark.parametrize(
    ("error", "complaints", "why_not"),
    [
        (NotInjectedError("nothing came by"), [], "nothing came by"),
        (TelemetryError("no such object"), ["broken: no such object"], ""),
        (RuntimeError("a wrong answer"), ["broken: a wrong answer"], ""),
        (TimeoutError(), ["broken: TimeoutError"], ""),
        (
            ProcessLookupError("receiver does not run"),
            ["broken: ProcessLookupError: receiver does not run"],
            "",
        ),
        (ExceptionGroup("two", [TelemetryError("no such"), OSError("other")]), ["broken: no such"], ""),
    ],
)
async def test_a_fault_that_could_not_be_injected_says_why_and_one_that_failed_is_a_complaint(
    error: Exception, complaints: Sequence[str], why_not: str
):
    bench = Bench()

    async def inject(_target: Target, _share: float) -> None:
        raise error

    injection = await bench.injector.inject(Fault("broken", inject), 0.5)
    assert (injection.why_not, injection.recovered_s) == (why_not, None)
    assert bench.injector.complaints == complaints


async def test_what_was_told_is_looked_for_from_the_begin_of_the_fault_on():
    bench = Bench()
    bench.pipeline.lines.append("line of old")
    for kind, told in (("new", "line of new"), ("old", "line of old")):
        fault = bench.fault(kind, tells=f"line of {kind}")
        bench.over[kind].set()
        assert (await bench.injector.inject(fault, 0.5)).told == told
    unseen = bench.fault("unseen", tells="line of old")
    bench.over["unseen"].set()
    assert not (await bench.injector.inject(unseen, 0.5)).told
