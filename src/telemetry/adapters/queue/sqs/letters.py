"""The dead letters of an SQS queue, which an operator lists and redrives.

Who receives looks once a minute whether there are new ones, and says so. The handle of a letter is its
message id, which, unlike SQS's receipt handles, is valid in the next process too. Letters that were listed
are on lease until they are released.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from telemetry.adapters.queue.sqs.calls import SENT, Calls, delivery, lease_entry
from telemetry.domain.transport.lease import BURIED, Delivery
from telemetry.domain.transport.queue import QueueUnavailableError

_log: Final = logging.getLogger(__name__)

_LOOK_S: Final = 60.0
_LEASE_S: Final = 300  # so that others do not receive a letter while an operator looks at it
_MOST: Final = 10_000


class _Letter(NamedTuple):
    """A dead letter on lease: SQS's receipt handle for it, and its body as SQS has it."""

    receipt_handle: str
    text: str
    delivery: Delivery


class Letters:
    """The letters of the queue `dead`, each received `receives` times; a redrive sends them to `source`."""

    def __init__(self, dead: Calls, source: Calls, receives: int) -> None:
        self._dead = dead
        self._source = source
        self._receives = receives
        self._leased: dict[str, _Letter] = {}
        self._seen: int | None = None  # how many there were at the last look
        self._looking: asyncio.Task[None] | None = None
        self._next_look_s = 0.0

    def look(self) -> None:
        """Begin to count the letters, once a minute, and say how many have come to those of the last look."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_look_s:
            self._next_look_s = loop.time() + _LOOK_S
            self._looking = loop.create_task(self._look())

    async def _look(self) -> None:
        try:
            count = await self.count()
        except QueueUnavailableError:  # whoever receives says so
            return
        if self._seen is not None and count > self._seen:
            _log.warning(BURIED, count - self._seen, self._receives)
        self._seen = count

    async def count(self) -> int:
        return sum(await self._dead.count())

    async def list(self, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` letters, the oldest first."""
        await self.release()
        await self._gather(limit)
        deliveries = [letter.delivery for letter in self._leased.values()]
        return sorted(deliveries, key=lambda each: each.sent_ms)[:limit]

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        """Send letters anew; return the handles that belong to none, or to one that could not be sent."""
        if not self._leased.keys() >= set(handles):
            await self._gather(_MOST)
        wanted = {each: self._leased.pop(each) for each in dict.fromkeys(handles) if each in self._leased}
        sent = await self._send(wanted)
        # A letter that is not deleted now is sent a second time later, and its records count once.
        deletions = [lease_entry(n, letter.receipt_handle) for n, letter in enumerate(sent.values())]
        await self._dead.in_batches("delete_message_batch", deletions)
        refused = Counter(handles) - Counter(list(sent))
        return list(refused.elements())

    async def release(self) -> None:
        """End the leases of all letters that were listed."""
        letters, self._leased = self._leased, {}
        entries = [
            lease_entry(n, letter.receipt_handle) | {"VisibilityTimeout": 0}
            for n, letter in enumerate(letters.values())
        ]
        await self._dead.in_batches("change_message_visibility_batch", entries)

    async def _gather(self, limit: int) -> None:
        """Lease letters until there are `limit`, or until a poll finds none."""
        # A long poll asks all of SQS's servers, so that it finds a letter if there is one.
        while len(self._leased) < limit and (messages := await self._dead.poll(_LEASE_S, 1)):
            for each in messages:
                # The count of receives is that of the redrive policy; to be listed here does not count.
                letter = msgspec.structs.replace(
                    delivery(each), handle=each["MessageId"], receives=self._receives
                )
                self._leased[letter.handle] = _Letter(each["ReceiptHandle"], each["Body"], letter)

    async def _send(self, letters: Mapping[str, _Letter]) -> Mapping[str, _Letter]:
        """Send letters anew as they are; return the letters that were sent, and keep the others on lease."""
        entries = [
            {
                "Id": str(n),
                "MessageBody": letter.text,
                "MessageAttributes": {
                    SENT: {"DataType": "Number", "StringValue": str(letter.delivery.sent_ms)}
                },
                # With its message id in it, SQS does not take it for the dead message of the same body sent
                # again.
                **self._source.group_fields(letter.delivery.body, letter.text + each),
            }
            for n, (each, letter) in enumerate(letters.items())
        ]
        failed = await self._source.in_batches("send_message_batch", entries)
        kept = {each for n, each in enumerate(letters) if str(n) in failed}
        self._leased |= {each: letters[each] for each in kept}
        return {each: letter for each, letter in letters.items() if each not in kept}
