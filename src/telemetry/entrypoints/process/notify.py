"""What a service manager is told of a process, by the protocol of sd_notify(3), and how it listens."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from telemetry.entrypoints.process import scratch

SOCKET: Final = "NOTIFY_SOCKET"
"""The environment variable in which systemd names its socket; a leading @ is an abstract name."""


_READY: Final = "READY=1"
_LONGEST: Final = 4096  # bytes of a message


def ready() -> None:
    """Say that this process serves; without a manager, to nobody."""
    _tell(_READY)


def alive() -> None:
    """Say that a turn was finished, for a unit with `WatchdogSec`."""
    _tell("WATCHDOG=1")


def stopping() -> None:
    """Say that this process ends."""
    _tell("STOPPING=1")


@contextmanager
def listening(on_ready: Callable[[], None]) -> Iterator[str]:
    """Be the manager of a process while the context lasts; yield what its `NOTIFY_SOCKET` has to be."""
    loop = asyncio.get_running_loop()
    with (
        scratch.folder("telemetry-notify-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told,
    ):
        address = str(folder / "socket")
        told.bind(address)
        told.settimeout(0)
        loop.add_reader(told, _hear, told, on_ready)
        try:
            yield address
        finally:
            loop.remove_reader(told)


def _hear(told: socket.socket, on_ready: Callable[[], None]) -> None:
    if _READY in told.recv(_LONGEST).decode(errors="replace").splitlines():
        on_ready()


def _tell(message: str) -> None:
    if address := os.environ.get(SOCKET):
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(0)  # a manager that does not listen stops nobody
            manager.sendto(message.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
