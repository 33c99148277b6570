"""Those who send: clients that post until they are answered, and producers who put what they like."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from harness.histories.laws import BrokenError
from harness.histories.loop import settle
from harness.histories.options import Sent
from harness.histories.roles import ReceiverRole
from harness.histories.stored import Line, text
from harness.histories.world import World
from telemetry.domain.contract.record import Answer, Parsed
from telemetry.domain.transport.queue import QueueUnavailableError

_PATIENCE_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0

_Taken = tuple[Parsed, Answer] | None


class Clients:
    """All clients of a history."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.unanswered = 0
        self.sent: set[tuple[object, ...]] = set()
        self.poisonous: list[bytes] = []

    async def post(self, records: Sequence[Sent]) -> None:
        """Post records until they are answered, and note what was promised."""
        self.unanswered += 1
        self._say(records)
        body = b"\n".join(map(_json, records))
        pause_s = _FIRST_PAUSE_S
        while (taken := await self._ask(body)) is None:
            self._world.counts["retries"] += 1
            await asyncio.sleep(pause_s * (1 + self._world.random.random()))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self.unanswered -= 1
        self._check(records, *taken)

    async def produce(self, records: Sequence[Sent]) -> None:
        """Put records on the queue as a foreign producer, each as a message."""
        self._say(records)
        sent_ms = self._world.clock("queue").wall_ms()
        await self._world.queue.send([_json(each) for each in records])
        self._world.arrived()
        self._world.laws.promise([_line(each, sent_ms) for each in records], is_foreign=True)

    async def poison(self, body: bytes) -> None:
        """Put on the queue what nobody can decode."""
        self.poisonous.append(body)
        await self._world.queue.send([body])
        self._world.arrived()

    def _say(self, records: Sequence[Sent]) -> None:
        self.sent |= {_line(each, 0).key for each in records}
        self._world.counts["records"] += len(records)

    async def _ask(self, body: bytes) -> _Taken:
        """Post once; return what the receiver took, None if the client does not know."""
        world = self._world
        role = world.receivers[int(world.random.random() * len(world.receivers))]
        mode, delay_s = world.faults.of(role, "post", world.loop.time())
        world.note("client", "post", mode, len(body))
        await asyncio.sleep(delay_s + world.options.latency_s * world.random.random())
        made = world.running(role)
        if mode == "refuse" or not isinstance(made, ReceiverRole):
            return None
        answer: asyncio.Future[_Taken] = world.loop.create_future()
        timer = world.loop.call_later(_PATIENCE_S, partial(settle, answer, result=None))
        for _ in range(1 + (mode == "double")):
            world.loop.spawn(made.process, self._take(made, body, answer))
        taken = await answer
        timer.cancel()
        return None if mode == "lose" else taken

    async def _take(self, made: ReceiverRole, body: bytes, answer: "asyncio.Future[_Taken]") -> None:
        """Let a receiver take a body; if it answers 503, nobody knows."""
        try:
            settle(answer, result=await made.take(body))
        except QueueUnavailableError:
            settle(answer, result=None)
        except Exception as error:  # noqa: BLE001  # whatever it is, a receiver has no other error
            self._world.loop.fail(BrokenError("no POST ends with a fault of the receiver", repr(error)))

    def _check(self, records: Sequence[Sent], parsed: Parsed, answer: Answer) -> None:
        """Check that each invalid record was named, and note that the others are promised."""
        invalid = [place for place, each in enumerate(records) if not each.is_valid]
        if [each.index for each in answer.rejected] != invalid or answer.accepted != len(records) - len(
            invalid
        ):
            self._world.loop.fail(BrokenError("each invalid record is named, and no other", f"{answer}"))
        received_ms = parsed.records[0].received_ms if parsed.records else 0
        self._world.laws.promise(_line(each, received_ms) for each in records if each.is_valid)


def _line(sent: Sent, received_ms: int) -> Line:
    return Line((sent.vehicle_id, sent.can_id, sent.timestamp_ms), sent.payload, received_ms)


def _json(sent: Sent) -> bytes:
    return msgspec.json.encode(
        {
            "timestamp": text(sent.timestamp_ms),
            "vehicle_id": sent.vehicle_id,
            "can_id": sent.can_id,
            "payload": sent.payload,
        }
    )
