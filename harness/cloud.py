"""AWS for tests: moto in this process or, if AWS_ENDPOINT_URL or TEST_AWS is set, what answers there."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

_ANYBODY: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
IS_GIVEN: Final = bool(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("TEST_AWS"))


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Yield the variables by which an SDK finds the AWS of the tests."""
    if IS_GIVEN:
        names = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        yield names if "TEST_AWS" in os.environ else _ANYBODY | names
        return
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would speak on the standard error of a test
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield {**_ANYBODY, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    finally:
        server.stop()


class Cloud:
    """Queues and buckets of one test, which are gone when it ends. The environment says where."""

    def __init__(self) -> None:
        self.name = f"{os.environ.get('TEST_AWS_PREFIX', 'telemetry-test')}-{uuid4().hex[:12]}"
        region = os.environ.get("AWS_REGION")
        self.sqs: Any = boto3.client("sqs", region_name=region)
        self.s3: Any = boto3.client("s3", region_name=region)
        self._queues: list[str] = []
        self._buckets: list[str] = []

    def queue(self, max_receives: int = 5, suffix: str = "", **attributes: str) -> str:
        """Make a queue whose dead letters go to another one; return its address."""
        common = attributes | ({"FifoQueue": "true"} if suffix == ".fifo" else {})
        dead = self._make_queue(f"{self.name}-{len(self._queues)}-dlq{suffix}", common)
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": max_receives})
        return self._make_queue(
            f"{self.name}-{len(self._queues)}{suffix}", common | {"RedrivePolicy": policy}
        )

    def dead_queue(self, url: str) -> str:
        """Find the address of the queue for the dead letters of another one."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
        arn = json.loads(found["RedrivePolicy"])["deadLetterTargetArn"]
        address: str = self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        return address

    def bucket(self) -> str:
        name = f"{self.name}-{len(self._buckets)}"
        where = {"LocationConstraint": self.s3.meta.region_name}
        given = {} if self.s3.meta.region_name == "us-east-1" else {"CreateBucketConfiguration": where}
        self.s3.create_bucket(Bucket=name, **given)
        self._buckets.append(name)
        return name

    def keys(self, bucket: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def close(self) -> None:
        for url in self._queues:
            self.sqs.delete_queue(QueueUrl=url)
        for name in self._buckets:
            for key in self.keys(name):
                self.s3.delete_object(Bucket=name, Key=key)
            self.s3.delete_bucket(Bucket=name)
        self.sqs.close()
        self.s3.close()

    def adopt(self, *, queues: tuple[str, ...] = (), buckets: tuple[str, ...] = ()) -> None:
        """Take over what somebody else made, so that it is gone too when the test ends."""
        self._queues += queues
        self._buckets += buckets

    def _make_queue(self, name: str, attributes: dict[str, str]) -> str:
        url: str = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._queues.append(url)
        return url
