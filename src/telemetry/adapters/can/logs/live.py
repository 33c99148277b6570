"""A live bus, by python-can: `socketcan:can0`, or whatever interface python-can knows."""

import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Final

import can

from telemetry.adapters.can.logs.rows import MANY, Row, Rows
from telemetry.adapters.can.logs.thread import in_thread
from telemetry.domain.can.frame import UnreadableError
from telemetry.domain.can.measured import Block
from telemetry.domain.can.source import Tally

_INTERFACES: Final = Path("/sys/class/net")
_CAN: Final = "280"  # what Linux calls the type of a CAN interface
_GATHER_S: Final = 0.2
_WAIT_S: Final = 0.05


class LiveBus:
    """A bus that is listened to until nobody asks for its frames any more."""

    size = None
    position = 0
    is_repeatable = False
    is_live = True
    is_dated = True

    def __init__(self, interface: str, channel: str) -> None:
        self.name = channel
        self.kind = interface
        self.tally = Tally()

    def check(self) -> None:
        """Raise UnreadableError if there is no such bus."""
        self._open().shutdown()

    def blocks(self) -> AsyncGenerator[Block]:
        return in_thread(self.read)

    def read(self) -> Iterator[Block]:
        """Yield what is received, some five times a second, if it is nothing too."""
        self.tally, rows = Tally(), Rows()
        try:
            bus = self._open()
        except UnreadableError as error:
            self.tally.fault = str(error)
            return
        with bus:
            while not self.tally.fault:
                ends_s = time.monotonic() + _GATHER_S
                while len(rows) < MANY and time.monotonic() < ends_s and not self.tally.fault:
                    self._receive(bus, rows)
                yield rows.take()

    def _open(self) -> can.BusABC:
        try:
            return can.Bus(interface=self.kind, channel=self.name)
        except (can.CanError, OSError, ValueError) as error:
            raise UnreadableError(f"{self.kind}:{self.name}: it cannot be opened: {error}") from error

    def _receive(self, bus: can.BusABC, rows: Rows) -> None:
        try:
            message = bus.recv(_WAIT_S)
        except (can.CanError, OSError) as error:
            self.tally.fault = f"it cannot be listened to any more: {error}"
            return
        if message is None:
            return
        if message.is_error_frame or message.is_remote_frame:
            self.tally.skipped["error" if message.is_error_frame else "remote"] += 1
            return
        self.tally.frames += 1
        time_us = round(message.timestamp * 1_000_000)
        data = bytes(message.data)
        rows.add(
            Row(time_us, message.arbitration_id, message.is_extended_id, self.name, data, not message.is_rx)
        )


def find(name: str) -> LiveBus | None:
    """Return the bus that is called so: `can0` if Linux has it, or `INTERFACE:CHANNEL` of python-can."""
    interface, colon, channel = name.partition(":")
    if colon and interface in can.VALID_INTERFACES:
        return LiveBus(interface, channel)
    kind = _INTERFACES / name / "type"
    if "/" not in name and kind.is_file() and kind.read_text().strip() == _CAN:
        return LiveBus("socketcan", name)
    return None
