"""A service manager is told that a process serves, lives and ends, if there is one."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.entrypoints.process import notify
from telemetry.entrypoints.process.heartbeat import Heartbeat
from tests.waiting import until


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(30)
        listening.bind(str(tmp_path / "manager"))
        monkeypatch.setenv(notify.SOCKET, str(tmp_path / "manager"))
        yield listening


def test_a_role_says_when_it_serves_after_each_turn_and_when_it_ends(manager: socket.socket, tmp_path: Path):
    with Heartbeat(tmp_path, "consumer") as heartbeat:
        heartbeat.beat()
    told = [manager.recv(100) for _ in range(4)]
    assert told == [b"WATCHDOG=1", b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_the_address_may_be_an_abstract_name(monkeypatch: pytest.MonkeyPatch):
    name = f"telemetry-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(30)
        listening.bind(f"\0{name}")
        monkeypatch.setenv(notify.SOCKET, f"@{name}")
        notify.ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/no/such/socket"])
def test_without_a_manager_that_listens_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(notify.SOCKET, address)
    notify.ready()
    notify.stopping()


async def test_who_listens_hears_of_readiness_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch):
    heard: list[str] = []
    with notify.listening(lambda: heard.append("ready")) as address:
        monkeypatch.setenv(notify.SOCKET, address)
        notify.alive()
        notify.stopping()
        notify.ready()
        await until(lambda: heard)
        assert heard == ["ready"]
    assert not Path(address).exists()
