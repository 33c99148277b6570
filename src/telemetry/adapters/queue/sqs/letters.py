"""The dead-letter queue of an SQS queue, looked at and emptied by hand.

A letter's handle is its message id, which, unlike SQS's handles, means the same to the next process. Letters that
were looked at are on lease until they are handed back.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from telemetry.adapters.queue.sqs.calls import SENT, Calls, delivery, lease_entry
from telemetry.domain.transport.lease import Delivery

_HOLD: Final = 300  # seconds that a letter is kept from others while somebody looks at it
_MOST: Final = 10_000


class _Letter(NamedTuple):
    """A dead letter on lease: SQS's handle for it, and its body as SQS has it."""

    receipt_handle: str
    text: str
    delivery: Delivery


class Letters:
    """The letters in `dead`, each of which came `receives` times in vain, and go to `back` when they are redriven."""

    def __init__(self, dead: Calls, back: Calls, receives: int) -> None:
        self._dead = dead
        self._back = back
        self._receives = receives
        self._held: dict[str, _Letter] = {}

    async def count(self) -> int:
        return sum(await self._dead.count())

    async def look(self, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` letters, those first that were sent first."""
        await self.hand_back()
        await self._gather(limit)
        return sorted((letter.delivery for letter in self._held.values()), key=lambda each: each.sent_ms)[
            :limit
        ]

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        """Send letters anew; return the handles that mean none, or one that could not be sent."""
        if not self._held.keys() >= set(handles):
            await self._gather(_MOST)
        wanted = {each: self._held.pop(each) for each in dict.fromkeys(handles) if each in self._held}
        sent = await self._send(wanted)
        # A letter that cannot be removed now comes a second time in the end, and counts once.
        removals = [lease_entry(n, letter.receipt_handle) for n, letter in enumerate(sent.values())]
        await self._dead.in_batches("delete_message_batch", removals)
        again = Counter(handles) - Counter(list(sent))
        return list(again.elements())

    async def hand_back(self) -> None:
        """End the leases of all that were looked at."""
        letters, self._held = self._held, {}
        entries = [
            lease_entry(n, letter.receipt_handle) | {"VisibilityTimeout": 0}
            for n, letter in enumerate(letters.values())
        ]
        await self._dead.in_batches("change_message_visibility_batch", entries)

    async def _gather(self, limit: int) -> None:
        """Lease letters until there are `limit` or a long poll, which asks all of SQS's servers, finds none."""
        while len(self._held) < limit and (messages := await self._dead.poll(_HOLD, 1)):
            for each in messages:
                # How often it was received is what the policy says: being looked at here counts for nothing.
                letter = msgspec.structs.replace(
                    delivery(each), handle=each["MessageId"], receives=self._receives
                )
                self._held[letter.handle] = _Letter(each["ReceiptHandle"], each["Body"], letter)

    async def _send(self, letters: Mapping[str, _Letter]) -> Mapping[str, _Letter]:
        """Send letters anew as they are; return those that were sent, and keep the others."""
        entries = [
            {
                "Id": str(n),
                "MessageBody": letter.text,
                "MessageAttributes": {
                    SENT: {"DataType": "Number", "StringValue": str(letter.delivery.sent_ms)}
                },
                # The message id makes it another message than the one of the same body that died.
                **self._back.grouped(letter.delivery.body, letter.text + each),
            }
            for n, (each, letter) in enumerate(letters.items())
        ]
        failed = await self._back.in_batches("send_message_batch", entries)
        kept = {each for n, each in enumerate(letters) if str(n) in failed}
        self._held |= {each: letters[each] for each in kept}
        return {each: letter for each, letter in letters.items() if each not in kept}
