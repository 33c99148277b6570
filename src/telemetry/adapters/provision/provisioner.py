"""Compares what exists on AWS with a plan, and makes what is missing.

Comparing is separate from changing. What is missing is returned as a Change, which says what it would do, and
can be applied. So a dry run and a real run compare in the same way, and a second run finds nothing to do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import methodcaller
from typing import Any, Final, NamedTuple

from telemetry.adapters.aws import AwsError, Client
from telemetry.adapters.provision.plan import (
    Plan,
    agree,
    bucket_aspects,
    dead_queue_attributes,
    queue_attributes,
)

_PATIENCE_S: Final = 30.0
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
    """A change that is to be made: what it is, and a function that makes it."""

    what: str
    apply: Callable[[], object]


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

    def close(self) -> None:
        self._sqs.close()
        self._s3.close()

    def _queue_changes(self, name: str, wanted: Mapping[str, str]) -> Iterator[Change]:
        found = self._attributes(name)
        if not found:
            create = methodcaller("create_queue", QueueName=name, Attributes=wanted)
            yield Change(f"create queue {name}", partial(self._sqs.call_blocking, create))
            return
        differing = {each: value for each, value in wanted.items() if not agree(found.get(each), value)}
        if differing:
            write = methodcaller("set_queue_attributes", QueueUrl=found["QueueUrl"], Attributes=differing)
            yield Change(
                f"set {', '.join(differing)} of queue {name}", partial(self._sqs.call_blocking, write)
            )

    def _attributes(self, name: str) -> Mapping[str, str]:
        """Read the attributes of a queue; return none if the queue does not exist."""

        def read(sqs: Any) -> Mapping[str, str]:  # noqa: ANN401  # boto3 makes its clients at run time
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            return {**_DEFAULTS, **found, "QueueUrl": url}

        return self._if_exists(self._sqs, read) or {}

    def _bucket_changes(self) -> Iterator[Change]:
        name = self._plan.bucket
        found = self._if_exists(self._s3, lambda s3: s3.head_bucket(Bucket=name))
        if found is None:
            yield Change(f"create bucket {name}", self._create_bucket)
        for aspect in bucket_aspects(self._plan):
            read = methodcaller(f"get_{aspect.verb}", Bucket=name)
            write = methodcaller(f"put_{aspect.verb}", Bucket=name, **aspect.wanted)
            answer = self._if_exists(self._s3, read)
            if answer is None or not aspect.is_met(answer):
                yield Change(f"set {aspect.what} of bucket {name}", partial(self._s3.call_blocking, write))

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
