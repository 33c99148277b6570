"""Compares what exists on AWS with a plan, and makes what is missing.

Comparing is separate from changing. What is missing is returned as a Change, which says what it would do
and what would be lost by it, and can be applied. So a dry run and a real run compare in the same way, and a
second run finds nothing to do.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import methodcaller
from typing import Any, Final, NamedTuple

from telemetry.adapters.aws import AwsError, Client
from telemetry.adapters.provision import merge
from telemetry.adapters.provision.merge import Merged
from telemetry.adapters.provision.plan import (
    Plan,
    bucket_aspects,
    dead_queue_attributes,
    expiries,
    queue_attributes,
    tls_only,
)

_PATIENCE_S: Final = 30.0
_LOOKS: Final = 10  # for a queue that was made
_BETWEEN_LOOKS_S: Final = 1.0
_DOES_NOT_EXIST: Final = frozenset({
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "404",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
})  # fmt: skip

_DEFAULTS: Final = {"SqsManagedSseEnabled": "true"}
"""Attributes that hold for a queue whose answer does not have them."""


class Change(NamedTuple):
    """A change that is to be made, a function that makes it, and the present values that are lost by it."""

    what: str
    apply: Callable[[], object]
    replaces: Sequence[str] = ()


class Provisioner:
    """The queues and the bucket of a plan, as they are and as they are to be."""

    def __init__(self, plan: Plan) -> None:
        """Make the clients. Raise AwsError if the SDK is not set up."""
        self._plan = plan
        self._sqs = Client("sqs", "SQS_QUEUE_URL", _PATIENCE_S)
        self._s3 = Client("s3", "S3_BUCKET", _PATIENCE_S)

    def changes(self) -> Iterator[Change]:
        """Yield the changes to make; the next is looked for after the caller has dealt with the last.

        Raise AwsError if AWS cannot be asked.
        """
        plan = self._plan
        yield from self._queue_changes(plan.dead_queue, dead_queue_attributes(plan))
        # In a dry run the dead-letter queue may not exist, and then it has no ARN.
        arn = self._attributes(plan.dead_queue).get("QueueArn", "")
        yield from self._queue_changes(plan.queue, queue_attributes(plan, arn))
        yield from self._bucket_changes()

    def settings(self) -> Sequence[str]:
        """Return the lines of `.env` with which the roles use this queue and this bucket."""
        plan = self._plan
        url = self._sqs.call_blocking(lambda sqs: sqs.get_queue_url(QueueName=plan.queue))["QueueUrl"]
        lines = [
            "QUEUE_BACKEND=sqs",
            f"SQS_QUEUE_URL={url}",
            "STORAGE_BACKEND=s3",
            f"S3_BUCKET={plan.bucket}",
        ]
        lines += [f"S3_PREFIX={plan.prefix}"] if plan.prefix else []
        return [*lines, f"AWS_REGION={self._sqs.region}"]

    def expiries(self) -> Sequence[str]:
        """Name the rules of the bucket, whosever they are, that remove what the pipeline keeps."""
        read = methodcaller("get_bucket_lifecycle_configuration", Bucket=self._plan.bucket)
        return list(expiries(self._plan, self._if_exists(self._s3, read) or {}))

    def close(self) -> None:
        self._sqs.close()
        self._s3.close()

    def _queue_changes(self, name: str, wanted: Mapping[str, str]) -> Iterator[Change]:
        found = self._attributes(name)
        if not found:
            yield Change(f"create queue {name}", partial(self._create_queue, name, wanted))
            found = self._attributes(name)  # in a dry run there still is none
        elif merged := merge.attributes(found, wanted):
            yield self._attribute_change(f"set {', '.join(merged.value)}", name, found, merged)
        tls = tls_only("sqs", found.get("QueueArn", ""))
        if merged := merge.policy(found.get("Policy"), tls):
            yield self._attribute_change("set the TLS-only policy", name, found, merged)

    def _attribute_change(self, what: str, name: str, found: Mapping[str, str], merged: Merged) -> Change:
        write = methodcaller(
            "set_queue_attributes", QueueUrl=found.get("QueueUrl", ""), Attributes=merged.value
        )
        return Change(f"{what} of queue {name}", partial(self._sqs.call_blocking, write), merged.replaces)

    def _create_queue(self, name: str, attributes: Mapping[str, str]) -> None:
        """Make a queue, and wait until it is known, which may take SQS some seconds."""
        self._sqs.call_blocking(methodcaller("create_queue", QueueName=name, Attributes=attributes))
        for _ in range(_LOOKS):
            if self._attributes(name):
                return
            time.sleep(_BETWEEN_LOOKS_S)
        raise AwsError(f"SQS_QUEUE_URL: queue {name} was made and is not known yet; run this again")

    def _attributes(self, name: str) -> Mapping[str, str]:
        """Read the attributes of a queue; return none if the queue does not exist."""

        def read(sqs: Any) -> Mapping[str, str]:  # noqa: ANN401  # boto3 makes its clients at run time
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            return {**_DEFAULTS, **found, "QueueUrl": url}

        return self._if_exists(self._sqs, read) or {}

    def _bucket_changes(self) -> Iterator[Change]:
        name = self._plan.bucket
        if self._if_exists(self._s3, lambda s3: s3.head_bucket(Bucket=name)) is None:
            yield Change(f"create bucket {name}", self._create_bucket)
        for aspect in bucket_aspects(self._plan, self._s3.partition):
            found = self._if_exists(self._s3, methodcaller(f"get_{aspect.verb}", Bucket=name)) or {}
            if merged := aspect.merge(found):
                write = methodcaller(f"put_{aspect.verb}", Bucket=name, **merged.value)
                yield Change(
                    f"set {aspect.what} of bucket {name}",
                    partial(self._s3.call_blocking, write),
                    merged.replaces,
                )

    def _create_bucket(self) -> None:
        # S3 refuses the name of its oldest region, us-east-1, as a constraint.
        where = {} if self._s3.region == "us-east-1" else {"LocationConstraint": self._s3.region}
        given = {"CreateBucketConfiguration": where} if where else {}
        self._s3.call_blocking(lambda s3: s3.create_bucket(Bucket=self._plan.bucket, **given))

    @staticmethod
    def _if_exists(client: Client, read: Callable[[Any], Any]) -> Any:  # noqa: ANN401  # as AWS answers
        """Read something; return None if it does not exist."""
        try:
            return client.call_blocking(read)
        except AwsError as error:
            if error.code in _DOES_NOT_EXIST:
                return None
            raise
