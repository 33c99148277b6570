"""A run reaches every kind and its conclusion, whatever becomes of its roles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from telemetry.domain.proof.injections import Injection
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.faults import running
from telemetry.entrypoints.shared.faults.fault import Fault, Target
from telemetry.entrypoints.shared.faults.injecting import Injector
from telemetry.entrypoints.shared.faults.options import FaultOptions
from telemetry.entrypoints.shared.faults.pipeline import Pipeline
from tests.entrypoints.shared.faults.test_injecting import Healthy

KINDS = ("kill", "lock", "tear")
SHORT = FaultOptions(minutes=0.00001)


class Load:
    """A load that cannot be begun if there is an `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        if self._error:
            raise self._error
        yield

    async def recover(self, _patience_s: float) -> float:
        return 0.0


def an_injector(load: Load) -> Injector:
    container = Container(settings=Settings())
    target = Target(cast("Pipeline", Healthy()), cast("Any", load), container, {}, {}, {})
    return Injector(target, lambda *_: None)


def faults(*, is_broken: bool = False) -> list[Fault]:
    async def inject(_target: Target, _share: float) -> None:
        if is_broken:
            raise ConnectionRefusedError("nobody listens")

    return [Fault(kind, inject) for kind in KINDS]


async def test_a_run_injects_each_kind_although_its_time_is_over():
    injector = an_injector(Load())
    assert await running._disturb(injector, faults(), SHORT, asyncio.Event()) == []
    assert sorted(each.kind for each in injector.injections) == list(KINDS)
    assert running._judge(injector.injections, faults()) == []


async def test_a_run_that_has_failed_ends_with_its_time_and_names_the_kinds_that_it_did_not_reach(
    capsys: pytest.CaptureFixture[str],
):
    injector = an_injector(Load())
    assert await running._disturb(injector, faults(is_broken=True), SHORT, asyncio.Event()) == []
    (injection,) = injector.injections
    others = [kind for kind in KINDS if kind != injection.kind]
    assert injector.complaints == [f"{injection.kind}: ConnectionRefusedError: nobody listens"]
    assert sorted(running._judge(injector.injections, faults())) == sorted(
        [
            f"{injection.kind}: not recovered from 1 of 1",
            *(f"{kind}: never injected: not reached" for kind in others),
        ]
    )
    printed = capsys.readouterr().out
    assert "1 fault of 1 kind; 2 kinds never injected" in printed
    assert printed.count("not reached") == len(others)


async def test_a_kind_that_had_its_turn_and_did_not_take_hold_fails_a_run():
    done = [Injection(kind, recovered_s=1.0) for kind in KINDS[1:]]
    assert running._judge([Injection("kill", why_not="there is none"), *done], faults()) == [
        "kill: never injected: there is none"
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError("nobody listens"), "ConnectionRefusedError: nobody listens"),
        (ExceptionGroup("tasks", [KeyError("x")]), "KeyError: 'x'"),
        (TimeoutError("waited in vain"), "waited in vain"),
    ],
)
async def test_a_load_that_breaks_is_said_and_the_run_goes_on(error: Exception, said: str):
    ended = await running._disturb(an_injector(Load(error)), faults(), SHORT, asyncio.Event())
    assert ended == [f"the run was cut short: {said}"]
