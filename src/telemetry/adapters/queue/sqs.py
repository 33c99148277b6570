"""The queue on Amazon SQS: standard or FIFO, with the dead-letter queue that its redrive policy names.

Its rules beyond those of the port:

- A body travels as base64, since SQS carries only text. A text that opens with `{` is the bare message of a foreign
  producer and is left as it is.
- Every entry of a batch is looked at. What failed by the server's fault is tried again after a jittered pause; what
  was refused for a fault of ours is named in the log and returned as failed.
- Messages come by long polls, which go on in the background: a caller waits as long as it likes, and what a poll
  brings meanwhile is there for the next. There is one poll while little comes, and more, up to `receivers`, while
  polls come back full. Polls that do not are at least `pause` seconds apart, because each costs the same for one
  message and for ten.
- What a poll brought and nobody took for half of its lease is left to come again; what is there when the queue is
  closed is handed back at once.
- A dead letter's receipt is its message id, which, unlike SQS's receipts, means the same to the next process. Letters
  that were looked at are on lease until the queue is closed.
"""

import asyncio
import logging
import math
import random
import re
from base64 import b64decode, b64encode
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from operator import methodcaller
from typing import Any, Final, NamedTuple

import msgspec

from telemetry.adapters.aws import ATTEMPTS, AwsError, Client
from telemetry.domain import batch
from telemetry.domain.lease import Delivery, Depth, Terms
from telemetry.domain.queue import QueueUnavailableError

Entry = dict[str, Any]
"""An entry of one of SQS's batch operations; its `Id` is its index in the call of the port."""

_log: Final = logging.getLogger(__name__)

_BATCH: Final = 10  # entries of a call, and messages of a poll
_PATIENCE: Final = 30.0  # seconds for an answer, which a long poll takes 20 of
_FIRST_PAUSE: Final = 0.1
_LOOK: Final = 0.3  # seconds a poll that has just begun gets even by a caller who may not wait
_LONGEST_LEASE: Final = 43_200  # seconds, SQS's own limit
_HOLD_LETTERS: Final = 300  # seconds that a dead letter is kept from others while somebody looks at it
_MOST_LETTERS: Final = 10_000
_OLDER_LIMIT: Final = 262_144  # bytes of a message, where the queue does not say
_SENT: Final = "sent"  # the attribute of a redriven message that tells when it was first sent
_ATTRIBUTES: Final = 64  # bytes of every message that are kept free for it
_TOLD: Final = ("SentTimestamp", "ApproximateReceiveCount")
_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_REGION: Final = re.compile(r"https?://sqs\.([a-z0-9-]+)\.amazonaws\.")
_BUCKET: Final = re.compile(rb"/bucket=(\d+)")
_HEAD: Final = 256  # bytes within which an envelope names its partition


class _Policy(msgspec.Struct, rename="camel"):
    """The redrive policy of a queue, as SQS spells it."""

    dead_letter_target_arn: str
    max_receive_count: int


class _Arrived(NamedTuple):
    """A message that a poll brought; after `fresh` (seconds of the loop's clock) it is not handed out any more."""

    delivery: Delivery
    fresh: float


class _Letter(NamedTuple):
    """A dead letter on lease: SQS's receipt for it, and its body as SQS has it."""

    handle: str
    text: str
    delivery: Delivery


class SqsQueue:
    """The queue at `url`. `receivers` long polls of `poll` seconds are under way at the most."""

    def __init__(
        self, url: str, terms: Terms, receivers: int = 4, pause: float = 0.2, poll: int = 20
    ) -> None:
        """Ask the queue for its limits. Raises QueueUnavailableError naming the setting that is to be changed."""
        self._url = url
        self._fifo = url.endswith(".fifo")
        self._visibility = _seconds(terms.visibility / 1000)
        self._receivers, self._pause, self._poll_seconds = receivers, pause, poll
        with _translated():
            self._sqs = Client("sqs", "SQS_QUEUE_URL", _PATIENCE)
            self._check_region()
            ask = methodcaller("get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
            attributes = self._sqs.now(ask).get("Attributes", {})
        self._limit = int(attributes.get("MaximumMessageSize", _OLDER_LIMIT))
        self.max_body = (self._limit - _ATTRIBUTES) // 4 * 3
        policy = msgspec.json.decode(
            attributes.get("RedrivePolicy", "null"), type=_Policy | None, strict=False
        )
        self._dead_url = _dead_url(url, policy) if policy else None
        self._max_receives = policy.max_receive_count if policy else terms.max_receives
        self._buffer: deque[_Arrived] = deque()
        self._letters: dict[str, _Letter] = {}
        self._news = asyncio.Event()
        self._fault: AwsError | None = None
        self._polls: set[asyncio.Task[None]] = set()
        self._wanted = 1
        self._began = -math.inf

    async def send(self, bodies: Sequence[bytes]) -> Sequence[int]:
        texts = [b64encode(body).decode() for body in bodies]
        entries = [
            {"Id": str(index), "MessageBody": text, **self._grouped(bodies[index], text)}
            for index, text in enumerate(texts)
        ]
        return sorted(map(int, await self._in_batches("send_message_batch", entries)))

    async def receive(self, limit: int, wait: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(wait, 0 if self._polls else _LOOK)
        while not (deliveries := self._take(limit)):
            self._news.clear()
            self._poll_more()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                return self._take(limit)
            if self._fault:
                fault, self._fault = self._fault, None
                raise QueueUnavailableError(str(fault)) from fault
        self._poll_more()
        return deliveries

    async def delete(self, receipts: Sequence[str]) -> Sequence[str]:
        entries = [_handle(n, each) for n, each in enumerate(receipts)]
        return _those(receipts, await self._in_batches("delete_message_batch", entries))

    async def extend(self, receipts: Sequence[str], seconds: float) -> Sequence[str]:
        entries = [
            _handle(n, each) | {"VisibilityTimeout": _seconds(seconds)} for n, each in enumerate(receipts)
        ]
        return _those(receipts, await self._in_batches("change_message_visibility_batch", entries))

    async def depth(self) -> Depth:
        ready, delayed, leased = await self._count(self._url)
        return Depth(ready + delayed, leased, sum(await self._count(self._dead_url)))

    async def dead(self, limit: int) -> Sequence[Delivery]:
        await self._hand_back_letters()
        await self._gather_letters(limit)
        return sorted((letter.delivery for letter in self._letters.values()), key=lambda each: each.sent)[
            :limit
        ]

    async def redrive(self, receipts: Sequence[str]) -> Sequence[str]:
        if not self._letters.keys() >= set(receipts):
            await self._gather_letters(_MOST_LETTERS)
        wanted = {each: self._letters.pop(each) for each in dict.fromkeys(receipts) if each in self._letters}
        sent = await self._send_letters(wanted)
        # A letter that cannot be removed now comes a second time in the end, and counts once.
        removals = [_handle(n, letter.handle) for n, letter in enumerate(sent.values())]
        await self._in_batches("delete_message_batch", removals, self._dead_url)
        again = Counter(receipts) - Counter(list(sent))
        return list(again.elements())

    async def close(self) -> None:
        for poll in self._polls:
            poll.cancel()
        arrived, self._buffer = self._buffer, deque()
        with suppress(QueueUnavailableError):  # then they come again by themselves, only later
            await self.extend([each.delivery.receipt for each in arrived], 0)
            await self._hand_back_letters()
        self._sqs.close()

    def _check_region(self) -> None:
        found = _REGION.match(self._url)
        if found and found[1] != self._sqs.region:
            raise AwsError(f"AWS_REGION: it is {self._sqs.region}, and SQS_QUEUE_URL is in {found[1]}")

    def _grouped(self, body: bytes, unique: str) -> Entry:
        """Say what FIFO queues ask for: vehicles of one bucket in order, and what is the same message sent again."""
        if not self._fifo:
            return {}
        found = _BUCKET.search(body, 0, _HEAD)
        group = f"bucket-{found[1].decode()}" if found else "all"
        return {"MessageGroupId": group, "MessageDeduplicationId": sha256(unique.encode()).hexdigest()}

    async def _in_batches(
        self, operation: str, entries: Sequence[Entry], url: str | None = None
    ) -> Mapping[str, str]:
        """Carry out a batch operation; return the ids that failed for good, each with the reason."""
        cuts = batch.runs([len(entry.get("MessageBody", "")) + _ATTRIBUTES for entry in entries], self._limit)
        calls = [
            entries[start : min(start + _BATCH, cut.stop)]
            for cut in cuts
            for start in range(cut.start, cut.stop, _BATCH)
        ]
        with _translated():
            outcomes = await asyncio.gather(
                *(self._insist(operation, call, url or self._url) for call in calls), return_exceptions=True
            )
            failed: dict[str, str] = {}
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                failed |= outcome
        return failed

    async def _insist(self, operation: str, entries: Sequence[Entry], url: str) -> Mapping[str, str]:
        """Call a batch operation until every entry was done or refused, but not for ever."""
        left = {entry["Id"]: entry for entry in entries}
        refused: dict[str, str] = {}
        failed: dict[str, str] = {}
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(random.uniform(0, _FIRST_PAUSE * 2**attempt))  # noqa: S311  # spreads senders
            answer = await self._sqs(methodcaller(operation, QueueUrl=url, Entries=list(left.values())))
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

    def _take(self, limit: int) -> list[Delivery]:
        """Hand out what polls have brought, but for what was there for too long."""
        now = asyncio.get_running_loop().time()
        while self._buffer and self._buffer[0].fresh < now:
            self._buffer.popleft()
        return [self._buffer.popleft().delivery for _ in range(min(limit, len(self._buffer)))]

    def _poll_more(self) -> None:
        """Have as many polls under way as there is a use for."""
        loop = asyncio.get_running_loop()
        while (
            len(self._polls) < self._wanted
            and len(self._buffer) + _BATCH * len(self._polls) < _BATCH * self._wanted
        ):
            now = loop.time()
            self._began = now if self._wanted > 1 else max(now, self._began + self._pause)
            poll = loop.create_task(self._poll(self._began - now))
            self._polls.add(poll)
            poll.add_done_callback(self._polls.discard)

    async def _poll(self, pause: float) -> None:
        await asyncio.sleep(pause)
        try:
            messages = await self._poll_once(self._url, _BATCH, self._visibility, self._poll_seconds)
        except AwsError as fault:
            self._fault = fault
        else:
            # While polls come back full there is more where that came from.
            full = len(messages) == _BATCH
            self._wanted = min(2 * self._wanted, self._receivers) if full else 1
            fresh = asyncio.get_running_loop().time() + self._visibility / 2
            self._buffer.extend(_Arrived(_delivery(each), fresh) for each in messages)
        self._news.set()

    async def _poll_once(self, url: str, limit: int, visibility: int, wait: int) -> Sequence[Entry]:
        answer = await self._sqs.linger(
            methodcaller(
                "receive_message",
                QueueUrl=url,
                MaxNumberOfMessages=limit,
                VisibilityTimeout=visibility,
                WaitTimeSeconds=wait,
                AttributeNames=_TOLD,  # older servers know only this name of it
                MessageSystemAttributeNames=_TOLD,
                MessageAttributeNames=[_SENT],
            )
        )
        messages: Sequence[Entry] = answer.get("Messages", ())
        return messages

    async def _count(self, url: str | None) -> Sequence[int]:
        """Count the messages of a queue: visible, delayed, and on lease; all are approximate."""
        if url is None:
            return 0, 0, 0
        ask = methodcaller("get_queue_attributes", QueueUrl=url, AttributeNames=_COUNTS)
        with _translated():
            found = (await self._sqs(ask)).get("Attributes", {})
        return [int(found.get(name, 0)) for name in _COUNTS]

    async def _gather_letters(self, limit: int) -> None:
        """Lease dead letters until there are `limit` or a long poll, which asks all of SQS's servers, finds none."""
        while self._dead_url and len(self._letters) < limit:
            with _translated():
                messages = await self._poll_once(self._dead_url, _BATCH, _HOLD_LETTERS, 1)
            for each in messages:
                delivery = _delivery(each)
                # How often it was received is what the policy says: being looked at here counts for nothing.
                delivery = msgspec.structs.replace(
                    delivery, receipt=each["MessageId"], receives=self._max_receives
                )
                self._letters[each["MessageId"]] = _Letter(each["ReceiptHandle"], each["Body"], delivery)
            if not messages:
                return

    async def _send_letters(self, letters: Mapping[str, _Letter]) -> Mapping[str, _Letter]:
        """Send letters anew as they are; return those that were sent, and keep the others."""
        entries = [
            {
                "Id": str(n),
                "MessageBody": letter.text,
                "MessageAttributes": {
                    _SENT: {"DataType": "Number", "StringValue": str(letter.delivery.sent)}
                },
                # The message id makes it another message than the one of the same body that died.
                **self._grouped(letter.delivery.body, letter.text + each),
            }
            for n, (each, letter) in enumerate(letters.items())
        ]
        failed = await self._in_batches("send_message_batch", entries)
        kept = {each for n, each in enumerate(letters) if str(n) in failed}
        self._letters |= {each: letters[each] for each in kept}
        return {each: letter for each, letter in letters.items() if each not in kept}

    async def _hand_back_letters(self) -> None:
        letters, self._letters = self._letters, {}
        entries = [
            _handle(n, letter.handle) | {"VisibilityTimeout": 0} for n, letter in enumerate(letters.values())
        ]
        await self._in_batches("change_message_visibility_batch", entries, self._dead_url)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AwsError as fault:
        raise QueueUnavailableError(str(fault)) from fault


def _dead_url(url: str, policy: _Policy) -> str:
    # A queue and its dead letters are in one account and one region, so that their addresses differ only by name.
    return f"{url.rpartition('/')[0]}/{policy.dead_letter_target_arn.rpartition(':')[2]}"


def _handle(number: int, receipt: str) -> Entry:
    return {"Id": str(number), "ReceiptHandle": receipt}


def _those(receipts: Sequence[str], failed: Iterable[str]) -> Sequence[str]:
    return [receipts[number] for number in sorted(map(int, failed))]


def _seconds(duration: float) -> int:
    """Spell a lease as SQS does, in whole seconds and at most 12 hours; one of nothing stays one of nothing."""
    return min(math.ceil(duration), _LONGEST_LEASE)


def _delivery(message: Entry) -> Delivery:
    told = message.get("Attributes", {})
    first_sent = message.get("MessageAttributes", {}).get(_SENT, {}).get("StringValue")
    return Delivery(
        receipt=message["ReceiptHandle"],
        body=_body(message["Body"]),
        sent=int(first_sent or told["SentTimestamp"]),
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
