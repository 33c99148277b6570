"""Many bodies under way to one receiver at once, and what became of them."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final, Self

from telemetry.domain.clock import Clock
from telemetry.domain.contract.record import Record, Rejection
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.proof.send import Sender

MAX_RECORDS: Final = 500
"""Records a body holds at the most, so that one that has to be sent again is small."""

Enter = Callable[[int, Sequence[Record], Collection[int]], None]
"""Writes down a body: when it was sent (epoch milliseconds), its records, and the refused places."""


class ConcurrentSender:
    """A sender over up to `connections` connections; all is answered when its context ends.

    `posted` and `accepted` count records, copies included; `failures` says of each body that was not sent
    why. Once the receiver has refused the key, `is_refused`, nothing more is sent.
    """

    def __init__(
        self,
        sender: Sender,
        clock: Clock,
        connections: int,
        enter: Enter | None = None,
        max_records: int = MAX_RECORDS,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._enter = enter
        self._max_records = max_records
        self._tasks = asyncio.TaskGroup()
        self._free = asyncio.Semaphore(connections)
        self.manifest = sender.manifest
        self.posted = self.accepted = 0
        self.rejected: list[Rejection] = []
        self.failures: list[str] = []
        self.is_refused = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tasks.__aexit__(*error)  # type: ignore[arg-type]  # as it was given

    async def send(self, records: Sequence[Record]) -> None:
        """Put records on their way, unless the key is refused; return once each body has a connection."""
        for start in range(0, len(records), self._max_records):
            await self._free.acquire()
            if self.is_refused:
                self._free.release()
                return
            self._tasks.create_task(self._send(records[start : start + self._max_records]))

    async def _send(self, records: Sequence[Record]) -> None:
        sent_ms = self._clock.wall_ms()
        refused: Collection[int] = range(len(records))
        try:
            answer = await self._sender.send(records)
        except GatewayError as error:
            self.failures.append(str(error))
            self.is_refused |= error.is_of_key
        else:
            self.accepted += answer.accepted
            self.rejected += answer.rejected
            refused = {rejection.index for rejection in answer.rejected}
        finally:
            self.posted += len(records)
            if self._enter:
                self._enter(sent_ms, records, refused)
            self._free.release()
