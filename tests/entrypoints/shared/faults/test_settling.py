"""A run has settled once its figures are exact and its own poison is put aside."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.transport.lease import Delivery
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.faults import settling
from telemetry.entrypoints.shared.faults.fault import Target
from telemetry.entrypoints.shared.faults.pipeline import Pipeline
from tests.builders import NOW, a_record, put_batch


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(settling, "PATIENCE_S", 0.0)
    container = Container(settings=Settings(data_dir=tmp_path))
    load = SimpleNamespace(manifest=Manifest())
    return Target(cast("Pipeline", None), cast("Any", load), container, {}, {}, {})


async def put_aside(target: Target, bodies: Sequence[bytes]) -> None:
    every = [QuarantinedBody.of(Delivery("1", body, NOW, 1), "it is none", NOW) for body in bodies]
    lines = quarantine.encode(every)
    await target.container.storage().put(objects.quarantine_key(NOW, lines), lines)


async def test_poison_is_told_from_what_else_is_put_aside(target: Target):
    target.poison += [b"poison 1", b"poison 2"]
    await put_aside(target, [b"other", b"left of a message", b"poison 1"])
    assert await settling.settle(target) == ["1 of 2 poison bodies are not in quarantine: b'poison 2'"]
    await put_aside(target, [b"poison 2"])
    assert await settling.settle(target) == []


async def test_an_object_that_is_damaged_is_said_and_ends_no_run(target: Target):
    key = await put_batch(target.container.storage(), a_record())
    await target.container.storage().put(key, b"{}", overwrite=True)
    (said,) = await settling.settle(target)
    assert said.startswith(f"the figures cannot be compared: {key} is damaged")
