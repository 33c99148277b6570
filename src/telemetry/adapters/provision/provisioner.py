"""Looks at what is there of a plan, and makes what is not.

Looking is apart from changing: what is found wanting is a Change, which says what it would do and can be told to do
it. So a dry run and a real one take the same road, and a second run finds nothing to do.
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

_PATIENCE: Final = 30.0
_NONE_YET: Final = frozenset({
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
"""What holds of a queue that does not say."""


class Change(NamedTuple):
    """Something that is to be done, and how."""

    what: str
    apply: Callable[[], object]


class Provisioner:
    """The queues and the bucket of a plan, as they are and as they are to be."""

    def __init__(self, plan: Plan) -> None:
        """Make the clients. Raises AwsError if the SDK is not set up."""
        self._plan = plan
        self._sqs = Client("sqs", "SQS_QUEUE_URL", _PATIENCE)
        self._s3 = Client("s3", "S3_BUCKET", _PATIENCE)

    def changes(self) -> Iterator[Change]:
        """Find what is wanting, one after the other; each is looked for when those before were dealt with.

        Raises AwsError if it cannot be looked at.
        """
        plan = self._plan
        yield from self._queue_changes(plan.dead_queue, dead_queue_attributes(plan))
        # Where nothing is changed, the dead-letter queue may not be there yet, and neither is what points at it.
        arn = self._attributes(plan.dead_queue).get("QueueArn", "")
        yield from self._queue_changes(plan.queue, queue_attributes(plan, arn))
        yield from self._bucket_changes()

    def settings(self) -> Sequence[str]:
        """Spell what `.env` has to say for the roles to use all this."""
        plan = self._plan
        url = self._sqs.now(lambda sqs: sqs.get_queue_url(QueueName=plan.queue))["QueueUrl"]
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
            yield Change(f"create queue {name}", partial(self._sqs.now, create))
            return
        differing = {each: value for each, value in wanted.items() if not agree(found.get(each), value)}
        if differing:
            write = methodcaller("set_queue_attributes", QueueUrl=found["QueueUrl"], Attributes=differing)
            yield Change(f"set {', '.join(differing)} of queue {name}", partial(self._sqs.now, write))

    def _attributes(self, name: str) -> Mapping[str, str]:
        """Read the attributes of a queue; there are none of one that does not exist."""

        def read(sqs: Any) -> Mapping[str, str]:  # noqa: ANN401  # boto3 makes its clients at run time
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            return {**_DEFAULTS, **found, "QueueUrl": url}

        return self._if_there(self._sqs, read) or {}

    def _bucket_changes(self) -> Iterator[Change]:
        name = self._plan.bucket
        found = self._if_there(self._s3, lambda s3: s3.head_bucket(Bucket=name))
        if found is None:
            yield Change(f"create bucket {name}", self._create_bucket)
        for aspect in bucket_aspects(self._plan):
            read = methodcaller(f"get_{aspect.verb}", Bucket=name)
            write = methodcaller(f"put_{aspect.verb}", Bucket=name, **aspect.wanted)
            answer = self._if_there(self._s3, read)
            if answer is None or not aspect.is_met(answer):
                yield Change(f"set {aspect.what} of bucket {name}", partial(self._s3.now, write))

    def _create_bucket(self) -> None:
        # The oldest region is the one that cannot be named.
        where = {} if self._s3.region == "us-east-1" else {"LocationConstraint": self._s3.region}
        given = {"CreateBucketConfiguration": where} if where else {}
        self._s3.now(lambda s3: s3.create_bucket(Bucket=self._plan.bucket, **given))

    @staticmethod
    def _if_there(client: Client, read: Callable[[Any], Any]) -> Any:  # noqa: ANN401  # as AWS answers
        try:
            return client.now(read)
        except AwsError as error:
            if error.code in _NONE_YET:
                return None
            raise
