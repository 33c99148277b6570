"""What is said where records wait in the queue: by whom they wait to be taken, and what to do."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from dependency_injector import providers

from telemetry.adapters.clock import ManualClock
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.proof.prove import Proof
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import proving
from tests.builders import NOW, an_envelope, put_batch, some_records


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def container(tmp_path: Path, clock: ManualClock) -> Container:
    configured = Settings(
        data_dir=tmp_path,
        queue_backend="memory",
        storage_backend="memory",
        queue_max_receives=1,
        queue_visibility_timeout=1,
    )
    return Container(settings=configured, clock=providers.Object(clock))


@pytest.fixture
def manifest() -> Manifest:
    made = Manifest()
    made.add_sent(some_records(3))
    made.add_accepted(some_records(3))
    return made


async def conclude(container: Container, manifest: Manifest) -> int:
    return proving.conclude(container, await proving.prove(container, manifest, NOW, 0))


def complaints(capsys: pytest.CaptureFixture[str]) -> Sequence[str]:
    return capsys.readouterr().err.splitlines()


async def test_what_is_stored_is_proved_and_nothing_is_asked(container, manifest, capsys):
    await put_batch(container.storage(), *some_records(3))
    assert await conclude(container, manifest) == 0
    assert complaints(capsys) == []


async def test_where_no_consumer_was_ever_seen_it_is_said(container, manifest, tmp_path, capsys):
    await container.queue().send([an_envelope(*some_records(3))])
    assert await conclude(container, manifest) == 1
    asked = "pending: 3 records in the queue: does a consumer run?"
    assert complaints(capsys) == [f"{asked} none has left a sign of life in {tmp_path}/health/"]


async def test_where_a_consumer_runs_it_is_said_when_it_was_seen(container, manifest, tmp_path, capsys):
    await container.queue().send([an_envelope(*some_records(3))])
    with Heartbeat(tmp_path, "consumer"):
        assert await conclude(container, manifest) == 1
    (said,) = complaints(capsys)
    assert said.startswith("pending: 3 records in the queue: does a consumer run? one was last seen ")


async def test_dead_letters_are_named_with_the_commands_for_them(container, manifest, clock, capsys):
    await container.queue().send([an_envelope(*some_records(1))])
    await container.queue().receive(1, 0)
    clock.advance(1)
    await container.queue().receive(1, 0)
    await put_batch(container.storage(), *some_records(3)[1:])
    proof = await proving.prove(container, manifest, NOW, 3600)  # which is not waited for
    assert proving.conclude(container, proof) == 1
    (said,) = complaints(capsys)
    assert said.startswith("pending: 1 record in dead letters, which no consumer takes: ")
    assert "telemetry dead-letters list" in said
    assert "telemetry dead-letters replay" in said


def test_both_are_said_on_one_line(container, capsys):
    proof = Proof(5, 5, 0, 0, 5, 0, None, None, dead=2)
    assert proving.conclude(container, proof) == 1
    (said,) = complaints(capsys)
    assert "3 records in the queue" in said
    assert "2 records in dead letters" in said


@pytest.fixture
def _quick(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass while it is slept, and only then."""

    async def sleep(_: float) -> None:
        clock.advance(4)

    monkeypatch.setattr("asyncio.sleep", sleep)


@pytest.mark.usefixtures("_quick")
async def test_a_wait_in_which_no_consumer_is_seen_is_explained_once_before_it_ends(
    container, manifest, tmp_path, capsys
):
    await container.queue().send([an_envelope(*some_records(3))])
    await proving.prove(container, manifest, NOW, 60)
    asked = "1 message in the queue: does a consumer run?"
    assert complaints(capsys) == [f"{asked} none has left a sign of life in {tmp_path}/health/"]
    with Heartbeat(tmp_path, "consumer"):
        await proving.prove(container, manifest, NOW, 60)
    assert complaints(capsys) == []
