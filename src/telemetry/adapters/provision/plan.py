"""What is wanted on AWS, in AWS's own words. `docs/adr/0002-storage-strategy.md` explains the lifecycle."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from telemetry.adapters.provision import merge
from telemetry.adapters.provision.merge import Merged

TIERED: Final = ("raw/", "skewed/")
"""The trees whose objects move to cheaper storage; the hourly figures and the quarantine do not."""

COMPACTED: Final = "compacted/"
"""The tree of compacted records, whose large objects move to storage from which they are read at once."""
_KEPT: Final = (*TIERED, COMPACTED, "aggregated/", "quarantine/")
_NOTES_DAYS: Final = 30  # an aggregator that was away for a day compares everything, and needs no note

_MIN_INFREQUENT: Final = 128 * 1024  # bytes; Standard-IA bills a smaller object as if it had as many
_DAY_S: Final = 24 * 3600
_LONGEST_S: Final = 14 * _DAY_S  # for which SQS keeps a message at the most


class Plan(msgspec.Struct, frozen=True):
    """The names of what is wanted, and the terms of the queue; `visibility` and `retention` are in seconds.

    Queue and bucket are encrypted by the KMS key `kms_key`, or, if that is empty, by keys of SQS and of S3.
    """

    queue: str
    bucket: str
    prefix: str = ""
    visibility: int = 30
    max_receives: int = 10
    retention: int = 7 * _DAY_S
    kms_key: str = ""

    @property
    def dead_queue(self) -> str:
        stem, dot, kind = self.queue.partition(".")
        return f"{stem}-dlq{dot}{kind}"

    @property
    def folder(self) -> str:
        """What the keys of all objects begin with."""
        return f"{self.prefix.strip('/')}/".lstrip("/")


class Aspect(NamedTuple):
    """One property of a bucket: read by `get_<verb>`, merged, and set by `put_<verb>`."""

    what: str
    verb: str
    merge: Callable[[Mapping[str, Any]], Merged | None]


def dead_queue_attributes(plan: Plan) -> Mapping[str, str]:
    """Return the attributes of the dead-letter queue, which keeps messages as long as SQS can."""
    return {"MessageRetentionPeriod": str(_LONGEST_S), **_encryption(plan), **_fifo(plan)}


def queue_attributes(plan: Plan, dead_arn: str) -> Mapping[str, str]:
    """Return the attributes of the queue.

    It keeps messages for less time than the dead-letter queue, because a dead letter of a standard queue
    keeps the moment at which it was first sent, and is removed by that.
    """
    policy = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": plan.max_receives}
    return {
        "MessageRetentionPeriod": str(plan.retention),
        "VisibilityTimeout": str(plan.visibility),
        "ReceiveMessageWaitTimeSeconds": "20",
        "RedrivePolicy": json.dumps(policy),
        **_encryption(plan),
        **_fifo(plan),
    }


def tls_only(service: str, *arns: str) -> Mapping[str, Any]:
    """Return the statement of a policy that denies whatever does not come over TLS."""
    return {
        "Sid": "TelemetryTlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": f"{service}:*",
        "Resource": list(arns),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def bucket_aspects(plan: Plan, partition: str) -> Sequence[Aspect]:
    """Return the properties of the bucket: no public access, encryption, TLS only, and a lifecycle."""
    arn = f"arn:{partition}:s3:::{plan.bucket}"
    return (
        Aspect("the block of public access", "public_access_block", merge.public_access),
        Aspect("the encryption", "bucket_encryption", partial(merge.encryption, key=plan.kms_key)),
        Aspect(
            "the TLS-only policy",
            "bucket_policy",
            partial(_policy, wanted=tls_only("s3", arn, f"{arn}/*")),
        ),
        Aspect(
            "the lifecycle",
            "bucket_lifecycle_configuration",
            partial(merge.lifecycle, wanted=_lifecycle(plan.folder)),
        ),
    )


def _policy(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Merged | None:
    return merge.policy(found.get("Policy"), wanted)


def _encryption(plan: Plan) -> Mapping[str, str]:
    return {"KmsMasterKeyId": plan.kms_key} if plan.kms_key else {"SqsManagedSseEnabled": "true"}


def _fifo(plan: Plan) -> Mapping[str, str]:
    if not plan.queue.endswith(".fifo"):
        return {}
    return {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def _lifecycle(folder: str) -> Sequence[Mapping[str, Any]]:
    """Return the rules: Standard-IA from day 30, the first that S3 allows, and Glacier from day 90.

    The rules name sizes, because without them S3 would not move objects smaller than 128 KB. Such objects
    skip Standard-IA, which would bill them as 128 KB. The names of the rules hold the folder, because several
    pipelines may share a bucket.
    """
    notes = {
        "ID": f"telemetry:{folder}notes",
        "Status": "Enabled",
        "Filter": {"Prefix": f"{folder}notes/"},
        "Expiration": {"Days": _NOTES_DAYS},
    }
    abort = {
        "ID": f"telemetry:{folder}unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": folder},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    return [*(rule for tree in TIERED for rule in _tiers(folder, tree)), _compacted(folder), notes, abort]


def _compacted(folder: str) -> Mapping[str, Any]:
    """Return the rule for compacted records: in Glacier Instant Retrieval, engines still read them.

    Small objects stay in Standard, because they would cost more to move than they save.
    """
    return {
        "ID": f"telemetry:{folder}compacted-large",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": folder + COMPACTED, "ObjectSizeGreaterThan": _MIN_INFREQUENT - 1}},
        "Transitions": [
            {"Days": 30, "StorageClass": "STANDARD_IA"},
            {"Days": 90, "StorageClass": "GLACIER_IR"},
        ],
    }


def expiries(plan: Plan, lifecycle: Mapping[str, Any]) -> Iterator[str]:
    """Name the rules of a bucket that remove what the pipeline keeps: records, figures, quarantine."""
    kept = [plan.folder + tree for tree in _KEPT]
    for rule in lifecycle.get("Rules", ()):
        chosen = rule.get("Filter", rule)
        chosen = chosen.get("And", chosen)
        prefix = chosen.get("Prefix", "")
        is_tagged = bool({"Tag", "Tags"} & chosen.keys())  # no object of the pipeline has a tag
        meets = any(tree.startswith(prefix) or prefix.startswith(tree) for tree in kept)
        expires = rule["Status"] == "Enabled" and {"Days", "Date"} & rule.get("Expiration", {}).keys()
        if expires and meets and not is_tagged:
            yield f"{rule.get('ID', 'without a name')}, which removes what begins with {prefix!r}"


def _tiers(folder: str, tree: str) -> Iterator[Mapping[str, Any]]:
    sizes: Sequence[Mapping[str, int]] = (
        {"ObjectSizeGreaterThan": _MIN_INFREQUENT - 1},
        {"ObjectSizeGreaterThan": 0, "ObjectSizeLessThan": _MIN_INFREQUENT},
    )
    infrequent = {"Days": 30, "StorageClass": "STANDARD_IA"}
    glacier = {"Days": 90, "StorageClass": "GLACIER"}
    for kind, size, steps in zip(("large", "small"), sizes, ([infrequent, glacier], [glacier]), strict=True):
        yield {
            "ID": f"telemetry:{folder}{tree.rstrip('/')}-{kind}",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": folder + tree, **size}},
            "Transitions": steps,
        }
