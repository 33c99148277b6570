"""Calls to one SQS queue: batches whose every entry is checked, polls and counts.

An entry that failed by the server's fault is tried again after a jittered pause. An entry that was refused
for a fault of the sender is named in the log and returned as failed.
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
"""The attribute of a redriven message that says when it was first sent."""

SPARE: Final = 64
"""Bytes of every message that are kept free for that attribute."""

_log: Final = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_LONGEST_LEASE_S: Final = 43_200  # SQS's own limit
_SYSTEM_ATTRIBUTES: Final = ("SentTimestamp", "ApproximateReceiveCount")
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_BUCKET: Final = re.compile(rb"/bucket=(\d+)")
_HEAD: Final = 256  # bytes within which an envelope names its partition


class Calls:
    """Calls to the queue at `url`; a batch of its messages may hold `limit` bytes."""

    def __init__(self, sqs: Client, url: str, limit: int) -> None:
        self._sqs = sqs
        self._url = url
        self._limit = limit
        self._fifo = url.endswith(".fifo")

    def group_fields(self, body: bytes, unique: str) -> Entry:
        """Return the fields of an entry that only a FIFO queue needs.

        Vehicles of one bucket are one group, whose messages stay in order. A message with the same `unique`
        text is the same message sent again.
        """
        if not self._fifo:
            return {}
        found = _BUCKET.search(body, 0, _HEAD)
        group = f"bucket-{found[1].decode()}" if found else "all"
        return {"MessageGroupId": group, "MessageDeduplicationId": sha256(unique.encode()).hexdigest()}

    async def in_batches(self, operation: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Do a batch operation; return the ids of entries that failed in the end, each with the reason."""
        cuts = batch.runs([len(entry.get("MessageBody", "")) + SPARE for entry in entries], self._limit)
        calls = [
            entries[start : min(start + BATCH, cut.stop)]
            for cut in cuts
            for start in range(cut.start, cut.stop, BATCH)
        ]
        with queue_errors():
            outcomes = await asyncio.gather(
                *(self._call_batch(operation, call) for call in calls), return_exceptions=True
            )
            failed: dict[str, str] = {}
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                failed |= outcome
        return failed

    async def poll(self, visibility_s: int, wait_s: int) -> Sequence[Entry]:
        """Wait `wait_s` for messages, and lease them for `visibility_s`."""
        ask = methodcaller(
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=visibility_s,
            WaitTimeSeconds=wait_s,
            AttributeNames=_SYSTEM_ATTRIBUTES,  # older servers know only this name
            MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
            MessageAttributeNames=[SENT],
        )
        with queue_errors():
            messages: Sequence[Entry] = (await self._sqs.call_unbounded(ask)).get("Messages", ())
        return messages

    async def count(self) -> Sequence[int]:
        """Count the messages: visible, delayed, and on lease. All counts are approximate."""
        ask = methodcaller("get_queue_attributes", QueueUrl=self._url, AttributeNames=_COUNTS)
        with queue_errors():
            found = (await self._sqs.call(ask)).get("Attributes", {})
        return [int(found.get(name, 0)) for name in _COUNTS]

    async def _call_batch(self, operation: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Call a batch operation until every entry was done or refused, at most ATTEMPTS times.

        Return the ids of the other entries, each with the reason.
        """
        left = {entry["Id"]: entry for entry in entries}
        refused: dict[str, str] = {}
        failed: dict[str, str] = {}
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, random.random)
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(backoff.pause_s())
            ask = methodcaller(operation, QueueUrl=self._url, Entries=list(left.values()))
            answer = await self._sqs.call(ask)
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
        for reason, count in Counter(refused.values()).items():
            _log.warning("SQS refused entries: %s of %d of %d: %s", operation, count, len(entries), reason)
        return refused


@contextmanager
def queue_errors() -> Iterator[None]:
    """Turn an AwsError into QueueUnavailableError."""
    try:
        yield
    except AwsError as error:
        unavailable = QueueUnavailableError(str(error))
        unavailable.needs_restart = error.needs_restart
        raise unavailable from error


def lease_entry(number: int, receipt_handle: str) -> Entry:
    """Make the entry of a message on lease, by SQS's handle of it."""
    return {"Id": str(number), "ReceiptHandle": receipt_handle}


def failed_handles(handles: Sequence[str], failed: Iterable[str]) -> Sequence[str]:
    """Return the lease handles of the entries that failed, which are given by their ids."""
    return [handles[number] for number in sorted(map(int, failed))]


def whole_seconds(duration_s: float) -> int:
    """Return the duration of a lease as SQS takes it: whole seconds, rounded up, at most 12 hours."""
    return min(math.ceil(duration_s), _LONGEST_LEASE_S)


def delivery(message: Entry) -> Delivery:
    """Make a delivery of a message that SQS returned; SQS's receipt handle is its lease handle."""
    attributes = message.get("Attributes", {})
    first_sent_ms = message.get("MessageAttributes", {}).get(SENT, {}).get("StringValue")
    return Delivery(
        handle=message["ReceiptHandle"],
        body=_decode_body(message["Body"]),
        sent_ms=int(first_sent_ms or attributes["SentTimestamp"]),
        receives=int(attributes["ApproximateReceiveCount"]),
    )


def _decode_body(text: str) -> bytes:
    """Decode a body: base64 of an envelope, or the text of a foreign producer as it is."""
    if text.lstrip().startswith("{"):
        return text.encode()
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return text.encode()
