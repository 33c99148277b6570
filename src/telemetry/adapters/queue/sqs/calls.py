"""Calls to one SQS queue: batches of which every entry is looked at, polls and counts.

What failed by the server's fault is tried again after a jittered pause; what was refused for a fault of ours is named
in the log and returned as failed.
"""

import asyncio
import logging
import math
import random
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from operator import methodcaller
from typing import Any, Final

from telemetry.adapters.aws import ATTEMPTS, AwsError, Client
from telemetry.domain.backoff import Backoff
from telemetry.domain.transport import batch
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.queue import QueueUnavailableError

Entry = dict[str, Any]
"""An entry of one of SQS's batch operations; its `Id` is its index in the call of the port."""

BATCH: Final = 10
"""Entries of a call, and messages of a poll."""

SENT: Final = "sent"
"""The attribute of a redriven message that tells when it was first sent."""

SPARE: Final = 64
"""Bytes of every message that are kept free for that attribute."""

_log: Final = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_LONGEST_LEASE: Final = 43_200  # seconds, SQS's own limit
_TOLD: Final = ("SentTimestamp", "ApproximateReceiveCount")
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_BUCKET: Final = re.compile(rb"/bucket=(\d+)")
_HEAD: Final = 256  # bytes within which an envelope names its partition


class Calls:
    """Calls to the queue at `url`, of whose messages a batch may hold `limit` bytes."""

    def __init__(self, sqs: Client, url: str, limit: int) -> None:
        self._sqs = sqs
        self._url = url
        self._limit = limit
        self._fifo = url.endswith(".fifo")

    def grouped(self, body: bytes, unique: str) -> Entry:
        """Say what FIFO queues ask for: vehicles of one bucket in order, and what is the same message sent again."""
        if not self._fifo:
            return {}
        found = _BUCKET.search(body, 0, _HEAD)
        group = f"bucket-{found[1].decode()}" if found else "all"
        return {"MessageGroupId": group, "MessageDeduplicationId": sha256(unique.encode()).hexdigest()}

    async def in_batches(self, operation: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Carry out a batch operation; return the ids that failed for good, each with the reason."""
        cuts = batch.runs([len(entry.get("MessageBody", "")) + SPARE for entry in entries], self._limit)
        calls = [
            entries[start : min(start + BATCH, cut.stop)]
            for cut in cuts
            for start in range(cut.start, cut.stop, BATCH)
        ]
        with translated():
            outcomes = await asyncio.gather(
                *(self._insist(operation, call) for call in calls), return_exceptions=True
            )
            failed: dict[str, str] = {}
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                failed |= outcome
        return failed

    async def poll(self, visibility: int, wait: int) -> Sequence[Entry]:
        """Wait `wait` seconds for messages, and lease them for `visibility`."""
        ask = methodcaller(
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=visibility,
            WaitTimeSeconds=wait,
            AttributeNames=_TOLD,  # older servers know only this name of it
            MessageSystemAttributeNames=_TOLD,
            MessageAttributeNames=[SENT],
        )
        with translated():
            messages: Sequence[Entry] = (await self._sqs.linger(ask)).get("Messages", ())
        return messages

    async def count(self) -> Sequence[int]:
        """Count the messages: visible, delayed, and on lease; all are approximate."""
        ask = methodcaller("get_queue_attributes", QueueUrl=self._url, AttributeNames=_COUNTS)
        with translated():
            found = (await self._sqs(ask)).get("Attributes", {})
        return [int(found.get(name, 0)) for name in _COUNTS]

    async def _insist(self, operation: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Call a batch operation until every entry was done or refused, but not for ever."""
        left = {entry["Id"]: entry for entry in entries}
        refused: dict[str, str] = {}
        failed: dict[str, str] = {}
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, random.random)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(backoff.pause_s())
            answer = await self._sqs(methodcaller(operation, QueueUrl=self._url, Entries=list(left.values())))
            for done in answer.get("Successful", ()):
                left.pop(done["Id"], None)
            failed = {}
            for fault in answer.get("Failed", ()):
                failed[fault["Id"]] = f"{fault['Code']} {fault.get('Message', '')}".rstrip()
                if fault["SenderFault"]:
                    refused[fault["Id"]] = failed[fault["Id"]]
                    left.pop(fault["Id"], None)
            if not left:
                break
        refused |= {each: failed.get(each, "it was not answered") for each in left}
        for why, count in Counter(refused.values()).items():
            _log.warning("SQS did not do %s for %d of %d entries: %s", operation, count, len(entries), why)
        return refused


@contextmanager
def translated() -> Iterator[None]:
    """Let a fault of AWS pass as one of the queue."""
    try:
        yield
    except AwsError as fault:
        raise QueueUnavailableError(str(fault)) from fault


def lease_entry(number: int, handle: str) -> Entry:
    """Make the entry that means a message on lease."""
    return {"Id": str(number), "ReceiptHandle": handle}


def those(handles: Sequence[str], failed: Iterable[str]) -> Sequence[str]:
    """Return the handles of entries that failed."""
    return [handles[number] for number in sorted(map(int, failed))]


def whole_seconds(duration_s: float) -> int:
    """Spell a lease as SQS does, in whole seconds and at most 12 hours; one of nothing stays one of nothing."""
    return min(math.ceil(duration_s), _LONGEST_LEASE)


def delivery(message: Entry) -> Delivery:
    """Read a message as SQS hands it out."""
    told = message.get("Attributes", {})
    first_sent = message.get("MessageAttributes", {}).get(SENT, {}).get("StringValue")
    return Delivery(
        handle=message["ReceiptHandle"],
        body=_body(message["Body"]),
        sent_ms=int(first_sent or told["SentTimestamp"]),
        receives=int(told["ApproximateReceiveCount"]),
    )


def _body(text: str) -> bytes:
    """Read a body: base64 of anything, or the text of a foreign producer as it is."""
    if text.lstrip().startswith("{"):
        return text.encode()
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return text.encode()
