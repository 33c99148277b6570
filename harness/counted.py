"""An SQS and an S3 in memory, a round trip away in virtual time, that count what they are asked.

They stand where boto3's clients stand, so that all of ours above them is real: adapters, batchers, roles.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from random import Random
from typing import Any, Final, TypeVar

from harness.virtual import VirtualClock
from telemetry.adapters.aws import AwsError
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.model import QueueModel

R = TypeVar("R")

# ruff: noqa: N803  # parameters are named as AWS names them

QUEUE_URL: Final = "https://sqs.eu-central-1.amazonaws.com/123456789012/counted"
_PAGE: Final = 1000  # keys of a listing
_CHUNK: Final = 64 * 1024


class Counted:
    """Both services. `sqs_s` and `s3_s` are their round trips, half as long to half more."""

    def __init__(self, sqs_s: float, s3_s: float) -> None:
        self.clock = VirtualClock()
        self.requests: Counter[str] = Counter()
        """By operation, of S3 also by operation and tree. Those to SQS are counted as they are billed."""
        self._random = Random(1)
        self._round_trips_s = {"sqs": sqs_s, "s3": s3_s}
        self.services: Mapping[str, Any] = {"sqs": _Sqs(self), "s3": _S3(self)}

    def client(self, service: str, setting: str, patience_s: float) -> "CountedClient":
        """Make what `telemetry.adapters.aws.Client` makes."""
        del setting, patience_s
        return CountedClient(self.services[service], self._round_trips_s[service], self._random)


class CountedClient:
    """A client of one service; calls take their time and no thread."""

    region = "eu-central-1"
    partition = "aws"

    def __init__(self, service: Any, round_trip_s: float, random: Random) -> None:
        self._service = service
        self._round_trip_s = round_trip_s
        self._random = random

    def call_blocking(self, work: Callable[[Any], R]) -> R:
        return work(self._service)

    async def call(self, work: Callable[[Any], R]) -> R:
        await self._travel()
        answer = work(self._service)
        await self._travel()
        return answer

    async def call_unbounded(self, work: Callable[[Any], R]) -> R:
        """Do a poll: it is answered once there is a message, or its time is over."""
        await self._travel()
        loop = asyncio.get_running_loop()
        answer = work(self._service)
        deadline_s = loop.time() + self._service.wait_s
        while not answer and (left_s := deadline_s - loop.time()) > 0:
            await self._service.changed(left_s)
            answer = work(self._service)
        self._service.polled(answer)
        await self._travel()
        return answer

    def close(self) -> None:
        pass

    async def _travel(self) -> None:
        """Take the way there, or the way back."""
        await asyncio.sleep(self._round_trip_s * self._random.uniform(0.25, 0.75))


class _Sqs:
    """The calls of boto3's client for SQS that ours make. Messages are leased in their order."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._model = QueueModel(LeaseTerms())
        self._something = asyncio.Event()
        self.wait_s = 0.0

    def send_message_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, Any]:
        bodies = [each["MessageBody"].encode() for each in Entries]
        self._count("SendMessage", sum(map(len, bodies)))
        self._model.send(bodies, self._counted.clock.wall_ms())
        self._something.set()
        return _done(Entries)

    def receive_message(
        self, *, MaxNumberOfMessages: int, WaitTimeSeconds: int, **_: object
    ) -> Mapping[str, Any]:
        self.wait_s = WaitTimeSeconds
        now_ms = self._counted.clock.wall_ms()
        messages = [
            {
                "MessageId": each.handle,
                "ReceiptHandle": each.handle,
                "Body": each.body.decode(),
                "Attributes": {
                    "SentTimestamp": str(each.sent_ms),
                    "ApproximateReceiveCount": str(each.receives),
                },
            }
            for each in self._model.receive(MaxNumberOfMessages, now_ms)
        ]
        return {"Messages": messages} if messages else {}

    def delete_message_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, Any]:
        self._count("DeleteMessage")
        handles = [each["ReceiptHandle"] for each in Entries]
        assert self._model.delete(handles, self._counted.clock.wall_ms()) == []
        return _done(Entries)

    def change_message_visibility_batch(
        self, *, Entries: Sequence[Mapping[str, Any]], **_: object
    ) -> Mapping[str, Any]:
        self._count("ChangeMessageVisibility")
        return _done(Entries)

    def get_queue_attributes(self, **_: object) -> Mapping[str, Any]:
        self._count("GetQueueAttributes")
        depth = self._model.depth(self._counted.clock.wall_ms())
        policy = {"deadLetterTargetArn": "arn:aws:sqs:eu-central-1:123456789012:dead", "maxReceiveCount": 5}
        return {
            "Attributes": {
                "MaximumMessageSize": str(1024 * 1024),
                "RedrivePolicy": json.dumps(policy),
                "ApproximateNumberOfMessages": str(depth.ready),
                "ApproximateNumberOfMessagesNotVisible": str(depth.leased),
            }
        }

    async def changed(self, within_s: float) -> None:
        """Wait until a message is sent, or a lease may have ended."""
        self._something.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(within_s, 1)):
                await self._something.wait()

    def polled(self, answer: Mapping[str, Any]) -> None:
        messages = answer.get("Messages", ())
        self._count(
            "ReceiveMessage" if messages else "EmptyReceive", sum(len(each["Body"]) for each in messages)
        )

    def _count(self, operation: str, size: int = 0) -> None:
        self._counted.requests[operation] += max(1, -(-size // _CHUNK))


def _done(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {"Successful": [{"Id": each["Id"]} for each in entries]}


class _S3:
    """The calls of boto3's client for S3 that ours make."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._objects: dict[str, tuple[bytes, datetime]] = {}

    def head_bucket(self, **_: object) -> Mapping[str, Any]:
        self._count("HeadBucket")
        return {}

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str = "", **_: object) -> Mapping[str, Any]:
        self._count("PutObject", Key)
        if IfNoneMatch and Key in self._objects:
            raise AwsError("it exists", "PreconditionFailed")
        self._objects[Key] = bytes(Body), datetime.fromtimestamp(self._counted.clock.wall_ms() / 1000, UTC)
        self._counted.requests[f"bytes {_tree(Key)}"] += len(Body)
        return {}

    def get_object(self, *, Key: str, **_: object) -> Mapping[str, Any]:
        self._count("GetObject", Key)
        if Key not in self._objects:
            raise AwsError("there is none", "NoSuchKey")
        return {"Body": BytesIO(self._objects[Key][0])}

    def delete_object(self, *, Key: str, **_: object) -> Mapping[str, Any]:
        self._count("DeleteObject", Key)
        self._objects.pop(Key, None)
        return {}

    def list_objects_v2(self, **asked: Any) -> Mapping[str, Any]:
        return next(self.paginate(**asked))

    def get_paginator(self, _operation: str) -> "_S3":
        return self

    def paginate(self, *, Prefix: str, Delimiter: str = "", **_: object) -> Iterator[Mapping[str, Any]]:
        keys = sorted(key for key in self._objects if key.startswith(Prefix))
        if Delimiter:
            folders = {Prefix + key[len(Prefix) :].partition(Delimiter)[0] + Delimiter for key in keys}
            self._count("ListObjects", Prefix)
            yield {"CommonPrefixes": [{"Prefix": each} for each in sorted(folders)]}
            return
        for start in range(0, max(1, len(keys)), _PAGE):
            self._count("ListObjects", Prefix)
            yield {"Contents": [self._entry(key) for key in keys[start : start + _PAGE]]}

    def _entry(self, key: str) -> Mapping[str, Any]:
        body, stored = self._objects[key]
        return {"Key": key, "Size": len(body), "LastModified": stored}

    def _count(self, operation: str, key: str = "") -> None:
        self._counted.requests[operation] += 1
        self._counted.requests[f"{operation} {_tree(key)}"] += 1


def _tree(key: str) -> str:
    return key.partition("/")[0]
