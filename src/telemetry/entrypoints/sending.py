"""What all roles that send have in common: a receiver to send to, and many bodies under way at once."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from telemetry.domain.deliver import Deliver
from telemetry.domain.gateway import GatewayError
from telemetry.domain.message import Record, Rejection
from telemetry.entrypoints import screen
from telemetry.entrypoints.container import Container
from telemetry.entrypoints.settings import SettingsError

MAX_RECORDS: Final = 500
"""Records a body holds at the most, so that one that has to be sent again is small."""

_EXAMPLES: Final = 5  # complaints that are shown of each kind; the first ones say what is wrong


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the receiver (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="connections to it (default: %(default)s)")
    parser.add_argument(
        "--patience",
        type=float,
        default=60,
        help="seconds to go on trying to send a body (default: %(default)s)",
    )


class Sender:
    """Bodies under way to one receiver, and the book of what became of them."""

    def __init__(self, deliver: Deliver, tasks: asyncio.TaskGroup, connections: int) -> None:
        self._deliver = deliver
        self._tasks = tasks
        self._free = asyncio.Semaphore(connections)
        self.manifest = deliver.manifest
        self.sent = self.accepted = 0
        self.rejected: list[Rejection] = []
        self.failures: list[str] = []

    async def send(self, records: Sequence[Record]) -> None:
        """Put records on their way; return as soon as there is a connection free for each body."""
        for start in range(0, len(records), MAX_RECORDS):
            await self._free.acquire()
            self._tasks.create_task(self._send(records[start : start + MAX_RECORDS]))

    async def _send(self, records: Sequence[Record]) -> None:
        try:
            delivered = await self._deliver(records)
        except GatewayError as error:
            self.failures.append(str(error))
        else:
            self.accepted += delivered.accepted
            self.rejected += delivered.rejected
        finally:
            self.sent += len(records)
            self._free.release()


@asynccontextmanager
async def sender(container: Container, chosen: argparse.Namespace) -> AsyncIterator[Sender]:
    """Open a sender to the receiver that the arguments name; all is answered when the context ends.

    Raises SettingsError without a key, GatewayError if the receiver cannot be reached.
    """
    if not container.settings().api_key:
        raise SettingsError("API_KEY: not set; a receiver takes nothing without it")
    gateway = container.gateway(url=chosen.url, connections=chosen.connections, patience=chosen.patience)
    try:
        await gateway.ready()
        async with asyncio.TaskGroup() as tasks:
            yield Sender(Deliver(gateway), tasks, chosen.connections)
    finally:
        await gateway.close()


def conclude(sender: Sender) -> int:
    """Say what became of what was sent; return the exit status, 0 if all of it was accepted."""
    screen.say(f"sent {sender.sent} records, {sender.accepted} accepted, {len(sender.rejected)} rejected")
    for rejection in sender.rejected[:_EXAMPLES]:
        screen.complain(f"rejected: {rejection.error}")
    for failure in sender.failures[:_EXAMPLES]:
        screen.complain(f"not sent: {failure}")
    return 0 if sender.accepted == sender.sent else 1
