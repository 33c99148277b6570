"""What is wanted on AWS, in AWS's own words. `docs/adr/0002-storage-strategy.md` explains the lifecycle."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

TIERED: Final = ("raw/", "skewed/")
"""The trees whose objects move to cheaper storage; the hourly figures and the quarantine do not."""

_MIN_INFREQUENT: Final = 128 * 1024  # bytes; Standard-IA bills a smaller object as if it had as many
_DAY_S: Final = 24 * 3600


class Plan(msgspec.Struct, frozen=True):
    """The names of what is wanted, and the terms of the queue's leases; `visibility` is in seconds."""

    queue: str
    bucket: str
    prefix: str = ""
    visibility: int = 30
    max_receives: int = 5

    @property
    def dead_queue(self) -> str:
        stem, dot, kind = self.queue.partition(".")
        return f"{stem}-dlq{dot}{kind}"


class Aspect(NamedTuple):
    """One property of a bucket: it is set by `put_<verb>` with `wanted`, and read by `get_<verb>`."""

    what: str
    verb: str
    wanted: Mapping[str, Any]

    def is_met(self, answer: Mapping[str, Any]) -> bool:
        """Return whether an answer says what is wanted."""
        # A lifecycle is read without the member that it is set in.
        return agree(answer, self.wanted.get("LifecycleConfiguration", self.wanted))


def dead_queue_attributes(plan: Plan) -> Mapping[str, str]:
    """Return the attributes of the dead-letter queue, which keeps messages as long as SQS can."""
    return {
        "MessageRetentionPeriod": str(14 * _DAY_S),
        "SqsManagedSseEnabled": "true",
        **_fifo(plan),
    }


def queue_attributes(plan: Plan, dead_arn: str) -> Mapping[str, str]:
    """Return the attributes of the queue, which keeps messages as long as SQS can.

    So no record is lost if the consumer does not run for days.
    """
    policy = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": plan.max_receives}
    return {
        "MessageRetentionPeriod": str(14 * _DAY_S),
        "VisibilityTimeout": str(plan.visibility),
        "ReceiveMessageWaitTimeSeconds": "20",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps(policy),
        **_fifo(plan),
    }


def bucket_aspects(plan: Plan) -> Sequence[Aspect]:
    """Return the properties of the bucket: no public access, encryption, TLS only, and a lifecycle."""
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
    """Return the rules: Standard-IA from day 30, the first that S3 allows, and Glacier from day 90.

    The rules name sizes, because without them S3 would not move objects smaller than 128 KB. Such objects
    skip Standard-IA, which would bill them as 128 KB.
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
        {"ObjectSizeGreaterThan": _MIN_INFREQUENT - 1},
        {"ObjectSizeGreaterThan": 0, "ObjectSizeLessThan": _MIN_INFREQUENT},
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


def agree(found: Any, wanted: Any) -> bool:  # noqa: ANN401  # as AWS answers
    """Return whether `found` says all that is wanted; it may say more, and format JSON in another way."""
    if isinstance(found, str) and isinstance(wanted, str) and wanted.startswith("{"):
        return agree(json.loads(found), json.loads(wanted))
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return all(agree(found.get(name), value) for name, value in wanted.items())
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(agree, found, wanted))
    return str(found) == str(wanted)
