"""The queue on Amazon SQS: standard or FIFO, with the dead-letter queue that its redrive policy names.

A body is sent as base64, because SQS takes only text. A text that begins with `{` is the bare message of a
foreign producer, and is left as it is.
"""

import re
import time
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from operator import methodcaller
from typing import Final

import msgspec

from telemetry.adapters.aws import AwsError, Client
from telemetry.adapters.queue.sqs.ages import Ages
from telemetry.adapters.queue.sqs.calls import (
    SPARE,
    Calls,
    failed_handles,
    lease_entry,
    queue_errors,
    whole_seconds,
)
from telemetry.adapters.queue.sqs.letters import Letters
from telemetry.adapters.queue.sqs.oldest import Oldest
from telemetry.adapters.queue.sqs.polls import Polls
from telemetry.domain.transport.lease import Delivery, Depth, LeaseTerms
from telemetry.domain.transport.outlook import Outlook
from telemetry.domain.transport.queue import QueueUnavailableError

_PATIENCE_S: Final = 30.0  # for an answer, of which a long poll takes 20
_OLDER_LIMIT: Final = 262_144  # bytes of a message, if the queue does not name a limit
_REGION: Final = re.compile(r"https?://sqs\.([a-z0-9-]+)\.amazonaws\.")


class _Policy(msgspec.Struct, rename="camel"):
    """The redrive policy of a queue, with SQS's names."""

    dead_letter_target_arn: str
    max_receive_count: int


class SqsQueue:
    """The queue at `url`; at most `receivers` long polls of `poll_s` are under way."""

    def __init__(
        self, url: str, terms: LeaseTerms, receivers: int = 4, pause_s: float = 0.2, poll_s: int = 20
    ) -> None:
        """Ask the queue for its limits. Raise QueueUnavailableError naming the setting to change."""
        with queue_errors():
            self._sqs = Client("sqs", "SQS_QUEUE_URL", _PATIENCE_S)
            _check_region(url, self._sqs)
            ask = methodcaller("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
            attributes = self._sqs.call_blocking(ask).get("Attributes", {})
        limit = int(attributes.get("MaximumMessageSize", _OLDER_LIMIT))
        self.max_body = (limit - SPARE) // 4 * 3
        self._calls = Calls(self._sqs, url, limit)
        self._polls = Polls(
            self._calls, whole_seconds(terms.visibility_ms / 1000), receivers, pause_s, poll_s
        )
        policy = msgspec.json.decode(
            attributes.get("RedrivePolicy", "null"), type=_Policy | None, strict=False
        )
        self._ages = Ages()
        self._letters: Letters | None = None
        self._oldest: Oldest | None = None
        if policy:
            dead = Calls(self._sqs, _dead_url(url, policy), limit)
            self._letters = Letters(dead, self._calls, policy.max_receive_count)
            self._oldest = Oldest(url.rpartition("/")[2], policy.max_receive_count * terms.visibility_ms)

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        texts = [b64encode(body).decode() for body in bodies]
        entries = [
            {"Id": str(index), "MessageBody": text, **self._calls.group_fields(bodies[index], text)}
            for index, text in enumerate(texts)
        ]
        return sorted(map(int, await self._calls.in_batches("send_message_batch", entries)))

    async def receive(self, limit: int, wait_s: float) -> Sequence[Delivery]:
        if self._letters:
            self._letters.look()
        return await self._polls.receive(limit, wait_s)

    async def delete(self, handles: Sequence[str]) -> Sequence[str]:
        entries = [lease_entry(n, each) for n, each in enumerate(handles)]
        failed = await self._calls.in_batches("delete_message_batch", entries)
        self._polls.settled(handles)
        return failed_handles(handles, failed)

    async def extend(self, handles: Sequence[str], duration_s: float) -> Sequence[str]:
        lease = {"VisibilityTimeout": whole_seconds(duration_s)}
        entries = [lease_entry(n, each) | lease for n, each in enumerate(handles)]
        failed = await self._calls.in_batches("change_message_visibility_batch", entries)
        if not duration_s:
            self._polls.settled(handles)
        return failed_handles(handles, failed)

    async def acquit(self, handles: Sequence[str]) -> Sequence[str]:
        return handles  # SQS counts receives by itself, and nothing takes one back

    async def depth(self) -> Depth:
        ready, delayed, leased = await self._calls.count()
        return Depth(ready + delayed, leased, await self._letters.count() if self._letters else 0)

    async def outlook(self) -> Outlook:
        now_ms = time.time_ns() // 1_000_000
        oldest_ms = await self._oldest.sent_ms(now_ms) if self._oldest else 0
        return self._ages.outlook(await self.depth(), now_ms, oldest_ms)

    async def oldest_ms(self) -> None:
        """Return None: SQS tells the age of the oldest message to CloudWatch alone."""

    async def dead(self, limit: int) -> Sequence[Delivery]:
        return await self._letters.list(limit) if self._letters else []

    async def redrive(self, handles: Sequence[str]) -> Sequence[str]:
        return await self._letters.redrive(handles) if self._letters else handles

    async def close(self) -> None:
        """End the leases of all messages that no caller took, and close the connections."""
        untaken = self._polls.close()
        with suppress(QueueUnavailableError):  # then their leases end later, by their time
            await self.extend([each.handle for each in untaken], 0)
            if self._letters:
                await self._letters.release()
        if self._oldest:
            self._oldest.close()
        self._sqs.close()


def _check_region(url: str, sqs: Client) -> None:
    found = _REGION.match(url)
    if found and found[1] != sqs.region:
        raise AwsError(f"AWS_REGION: it is {sqs.region}, and SQS_QUEUE_URL is in {found[1]}")


def _dead_url(url: str, policy: _Policy) -> str:
    """Return the address of the dead-letter queue."""
    # It is in the account and the region of the queue, so that the addresses differ only by name.
    return f"{url.rpartition('/')[0]}/{policy.dead_letter_target_arn.rpartition(':')[2]}"
