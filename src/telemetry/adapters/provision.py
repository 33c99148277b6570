"""What the pipeline needs of AWS, said once in AWS's own words, and made where it is not there yet.

Looking is apart from changing: what is found wanting is a Change, which says what it would do and can be told to do
it. So a dry run and a real one take the same road, and a second run finds nothing to do. `deploy/cloudformation.yaml`
says the same in another language; a test holds the two together. The lifecycle is explained in
`docs/adr/0002-storage-strategy.md`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import methodcaller
from typing import Any, Final, NamedTuple

import msgspec

from telemetry.adapters.aws import AwsError, Client

TIERED: Final = ("raw/", "skewed/")
"""The trees whose objects grow old; the hourly figures and the quarantine stay at hand."""

_PATIENCE: Final = 30.0
_SMALL: Final = 128 * 1024  # bytes
_DAY: Final = 24 * 3600
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


class Plan(msgspec.Struct, frozen=True):
    """What is wanted: names, and the terms of the queue's leases. `visibility` is in seconds."""

    queue: str
    bucket: str
    prefix: str = ""
    visibility: int = 30
    max_receives: int = 5

    @property
    def dead_queue(self) -> str:
        stem, dot, kind = self.queue.partition(".")
        return f"{stem}-dlq{dot}{kind}"


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
        differing = {each: value for each, value in wanted.items() if not _agree(found.get(each), value)}
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


class Aspect(NamedTuple):
    """One thing that is set of a bucket: by `put_<verb>` with `wanted`, and read back by `get_<verb>`."""

    what: str
    verb: str
    wanted: Mapping[str, Any]

    def is_met(self, answer: Mapping[str, Any]) -> bool:
        """Tell whether an answer says what is wanted; a lifecycle is read back without its cover."""
        return _agree(answer, self.wanted.get("LifecycleConfiguration", self.wanted))


_DEFAULTS: Final = {"SqsManagedSseEnabled": "true"}
"""What holds of a queue that does not say."""


def dead_queue_attributes(plan: Plan) -> Mapping[str, str]:
    """Keep dead letters as long as SQS can."""
    return {
        "MessageRetentionPeriod": str(14 * _DAY),
        "SqsManagedSseEnabled": "true",
        **_fifo(plan),
    }


def queue_attributes(plan: Plan, dead_arn: str) -> Mapping[str, str]:
    """Keep records as long as SQS can: a consumer that is away for a long weekend must not cost any."""
    policy = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": plan.max_receives}
    return {
        "MessageRetentionPeriod": str(14 * _DAY),
        "VisibilityTimeout": str(plan.visibility),
        "ReceiveMessageWaitTimeSeconds": "20",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps(policy),
        **_fifo(plan),
    }


def bucket_aspects(plan: Plan) -> Sequence[Aspect]:
    """Say what is set of the bucket: nobody from outside, nothing in the clear, and what grows old gets cheaper."""
    return (
        Aspect(
            "the block of public access",
            "public_access_block",
            {
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                }
            },
        ),
        Aspect(
            "the encryption",
            "bucket_encryption",
            {
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                }
            },
        ),
        Aspect("the TLS-only policy", "bucket_policy", {"Policy": json.dumps(_tls_only(plan.bucket))}),
        Aspect(
            "the lifecycle",
            "bucket_lifecycle_configuration",
            {"LifecycleConfiguration": {"Rules": _lifecycle(plan.prefix)}},
        ),
    )


def _fifo(plan: Plan) -> Mapping[str, str]:
    if not plan.queue.endswith(".fifo"):
        return {}
    return {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def _tls_only(bucket: str) -> Mapping[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _lifecycle(prefix: str) -> Sequence[Mapping[str, Any]]:
    """Spell the rules: Standard-IA not before day 30, because S3 refuses it, and Glacier from day 90.

    Without sizes, S3 would pass over what is smaller than 128 KB; such objects skip Standard-IA, which would bill them
    as 128 KB.
    """
    folder = f"{prefix.strip('/')}/".lstrip("/")
    abort = {
        "ID": "unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": folder},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    return [*(rule for tree in TIERED for rule in _tiers(folder, tree)), abort]


def _tiers(folder: str, tree: str) -> Iterator[Mapping[str, Any]]:
    sizes: Sequence[Mapping[str, int]] = (
        {"ObjectSizeGreaterThan": _SMALL - 1},
        {"ObjectSizeGreaterThan": 0, "ObjectSizeLessThan": _SMALL},
    )
    infrequent = {"Days": 30, "StorageClass": "STANDARD_IA"}
    glacier = {"Days": 90, "StorageClass": "GLACIER"}
    for kind, size, steps in zip(("large", "small"), sizes, ([infrequent, glacier], [glacier]), strict=True):
        yield {
            "ID": f"{tree.rstrip('/')}-{kind}",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": folder + tree, **size}},
            "Transitions": steps,
        }


def _agree(found: Any, wanted: Any) -> bool:  # noqa: ANN401  # as AWS answers
    """Tell whether `found` says all that is wanted; services add to what they were told, and spell JSON anew."""
    if isinstance(found, str) and isinstance(wanted, str) and wanted.startswith("{"):
        return _agree(json.loads(found), json.loads(wanted))
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return all(_agree(found.get(name), value) for name, value in wanted.items())
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_agree, found, wanted))
    return str(found) == str(wanted)
