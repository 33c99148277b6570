"""What all roles that send have in common: a receiver to send to, and many bodies under way at once."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from telemetry.adapters.ledger import Ledger
from telemetry.domain.clock import Clock
from telemetry.domain.contract.message import Record, Rejection
from telemetry.domain.proof.deliver import Deliver
from telemetry.domain.proof.gateway import GatewayError
from telemetry.entrypoints.process import screen
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import SettingsError

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
    parser.add_argument(
        "--ledger", type=Path, metavar="FILE", help="write what was sent and what was accepted to this file"
    )


class Sender:
    """Bodies under way to one receiver, and the books of what became of them."""

    def __init__(
        self,
        deliver: Deliver,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        connections: int,
        ledger: Ledger | None = None,
    ) -> None:
        self._deliver = deliver
        self._clock = clock
        self._ledger = ledger
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
        at = self._clock.wall()
        refused: Collection[int] = range(len(records))
        try:
            delivered = await self._deliver(records)
        except GatewayError as error:
            self.failures.append(str(error))
        else:
            self.accepted += delivered.accepted
            self.rejected += delivered.rejected
            refused = {rejection.index for rejection in delivered.rejected}
        finally:
            self.sent += len(records)
            if self._ledger:
                self._ledger.write(at, records, refused)
            self._free.release()


@asynccontextmanager
async def sender(container: Container, chosen: argparse.Namespace) -> AsyncIterator[Sender]:
    """Open a sender to the receiver that the arguments name; all is answered when the context ends.

    Raises SettingsError without a key, GatewayError if the receiver cannot be reached, OSError if the ledger cannot be
    written.
    """
    if not container.settings().api_key:
        raise SettingsError("API_KEY: not set; a receiver takes nothing without it")
    gateway = container.gateway(url=chosen.url, connections=chosen.connections, patience=chosen.patience)
    try:
        await gateway.ready()
        with Ledger(chosen.ledger) if chosen.ledger else nullcontext() as ledger:
            async with asyncio.TaskGroup() as tasks:
                yield Sender(Deliver(gateway), container.clock(), tasks, chosen.connections, ledger)
    finally:
        await gateway.close()


def conclude(sender: Sender, damaged: int = 0) -> int:
    """Say what became of what was sent, of which so much was damaged on purpose.

    Return the exit status: 0 if all of the rest was accepted, and the damaged rejected.
    """
    on_purpose = f", {damaged} were damaged on purpose" if damaged else ""
    screen.say(
        f"sent {sender.sent} records, {sender.accepted} accepted, {len(sender.rejected)} rejected{on_purpose}"
    )
    as_expected = sender.accepted + damaged == sender.sent and len(sender.rejected) == damaged
    for rejection in [] if as_expected else sender.rejected[:_EXAMPLES]:
        screen.complain(f"rejected: {rejection.error}")
    for failure in sender.failures[:_EXAMPLES]:
        screen.complain(f"not sent: {failure}")
    return 0 if as_expected else 1
