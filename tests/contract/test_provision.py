"""What `provision` makes, and what the template declares, is one and the same."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from harness.cloud import IS_GIVEN, Cloud
from harness.template import Stack
from telemetry.adapters.provision import Plan, Provisioner
from telemetry.adapters.provision.plan import expiries

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """An AWS that remembers all of a lifecycle, which moto does not."""
    request.getfixturevalue("aws_given" if IS_GIVEN else "emulator")
    made = Cloud()
    yield made
    made.close()


@pytest.fixture
def plan(cloud: Cloud) -> Plan:
    return Plan(queue=f"{cloud.name}-q", bucket=f"{cloud.name}-b", visibility=45, max_receives=3)


def provision(cloud: Cloud, plan: Plan) -> list[str]:
    provisioner = Provisioner(plan)
    done = []
    for change in provisioner.changes():
        change.apply()
        done.append(change.what)
    provisioner.close()
    if any(what.startswith("create") for what in done):
        queues = (plan.queue, plan.dead_queue)
        cloud.adopt(queues=tuple(cloud.sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in queues))
        cloud.adopt(buckets=(plan.bucket,))
    return done


def changes(plan: Plan) -> dict[str, list[str]]:
    """Return what would be done, and what each of it would replace."""
    provisioner = Provisioner(plan)
    found = {change.what: list(change.replaces) for change in provisioner.changes()}
    provisioner.close()
    return found


def a_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def a_statement(resource: str, action: str) -> dict[str, Any]:
    who = {"AWS": "arn:aws:iam::123456789012:root"}
    return {"Sid": "Theirs", "Effect": "Allow", "Principal": who, "Action": action, "Resource": resource}


def attributes(cloud: Cloud, name: str) -> dict[str, str]:
    url = cloud.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: dict[str, str] = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def test_a_second_run_finds_nothing_to_do(cloud: Cloud, plan: Plan):
    first = provision(cloud, plan)
    assert {what.split()[0] for what in first} == {"create", "set"}
    assert f"set the lifecycle of bucket {plan.bucket}" in first
    assert f"set the TLS-only policy of queue {plan.queue}" in first
    assert provision(cloud, plan) == []


def test_what_was_removed_by_hand_is_set_again_and_nothing_else(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    cloud.s3.delete_bucket_policy(Bucket=plan.bucket)
    assert changes(plan) == {f"set the TLS-only policy of bucket {plan.bucket}": []}
    provision(cloud, plan)
    assert changes(plan) == {}


def test_what_was_changed_by_hand_is_named_before_it_is_replaced(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    url = cloud.sqs.get_queue_url(QueueName=plan.queue)["QueueUrl"]
    cloud.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    assert changes(plan) == {f"set VisibilityTimeout of queue {plan.queue}": ["VisibilityTimeout 5"]}
    provision(cloud, plan)
    assert attributes(cloud, plan.queue)["VisibilityTimeout"] == "45"


def test_what_others_set_under_their_own_names_stays(cloud: Cloud, plan: Plan):
    rule = {"ID": "theirs", "Filter": {"Prefix": "theirs/"}, "Status": "Enabled", "Expiration": {"Days": 9}}
    arn = f"arn:aws:s3:::{plan.bucket}"
    of_bucket, of_queue = a_statement(arn, "s3:ListBucket"), a_statement("*", "sqs:SendMessage")
    where = {"LocationConstraint": cloud.s3.meta.region_name}
    cloud.s3.create_bucket(Bucket=plan.bucket, CreateBucketConfiguration=where)
    cloud.s3.put_bucket_lifecycle_configuration(Bucket=plan.bucket, LifecycleConfiguration={"Rules": [rule]})
    cloud.s3.put_bucket_policy(Bucket=plan.bucket, Policy=json.dumps(a_policy(of_bucket)))
    cloud.sqs.create_queue(QueueName=plan.dead_queue, Attributes={"Policy": json.dumps(a_policy(of_queue))})
    assert not [each for each in changes(plan) if "lifecycle" in each and changes(plan)[each]]
    provision(cloud, plan)
    rules = cloud.s3.get_bucket_lifecycle_configuration(Bucket=plan.bucket)["Rules"]
    assert rule in rules
    assert len(rules) == 8
    assert of_bucket in json.loads(cloud.s3.get_bucket_policy(Bucket=plan.bucket)["Policy"])["Statement"]
    assert of_queue in json.loads(attributes(cloud, plan.dead_queue)["Policy"])["Statement"]
    assert changes(plan) == {}


THEIRS: dict[str, dict[str, Any]] = {
    "all": {"Filter": {}, "Expiration": {"Days": 9}},
    "old": {"Prefix": "raw/year=2020/", "Expiration": {"Date": "2030-01-01T00:00:00Z"}},
    "figures": {"Filter": {"And": {"Prefix": "agg", "ObjectSizeGreaterThan": 5}}, "Expiration": {"Days": 9}},
    "other": {"Filter": {"Prefix": "theirs/"}, "Expiration": {"Days": 9}},
    "tagged": {"Filter": {"And": {"Prefix": "", "Tags": [{"Key": "a", "Value": "b"}]}}, "Expiration": {"Days": 9}},
    "versions": {"Filter": {"Prefix": "raw/"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 9}},
    "markers": {"Filter": {"Prefix": "raw/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    "off": {"Filter": {"Prefix": "raw/"}, "Expiration": {"Days": 9}, "Status": "Disabled"},
}  # fmt: skip


def test_a_rule_of_others_that_removes_records_or_figures_is_named(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    provisioner = Provisioner(plan)
    assert provisioner.expiries() == []
    rule = {
        "ID": "theirs",
        "Filter": {"Prefix": "raw/year=2020/"},
        "Status": "Enabled",
        "Expiration": {"Days": 9},
    }
    cloud.s3.put_bucket_lifecycle_configuration(Bucket=plan.bucket, LifecycleConfiguration={"Rules": [rule]})
    assert provisioner.expiries() == ["theirs, which removes what begins with 'raw/year=2020/'"]
    provisioner.close()


def test_of_the_rules_of_others_those_are_named_that_remove_what_is_kept(plan: Plan):
    rules = [{"ID": name, "Status": "Enabled", **rule} for name, rule in THEIRS.items()]
    named = [each.partition(",")[0] for each in expiries(plan, {"Rules": rules})]
    assert named == ["all", "old", "figures"]
    elsewhere = msgspec.structs.replace(plan, prefix="fleet")
    assert [each.partition(",")[0] for each in expiries(elsewhere, {"Rules": rules})] == ["all"]


def test_encryption_by_a_key_is_not_taken_back(cloud: Cloud, plan: Plan):
    provision(cloud, msgspec.structs.replace(plan, kms_key="alias/fleet"))
    assert attributes(cloud, plan.queue)["KmsMasterKeyId"] == "alias/fleet"
    (rule,) = cloud.s3.get_bucket_encryption(Bucket=plan.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": "alias/fleet",
    }
    assert rule["BucketKeyEnabled"] is True
    assert changes(plan) == {}


def test_pipelines_that_share_a_bucket_keep_their_lifecycles_apart(cloud: Cloud, plan: Plan):
    provision(cloud, msgspec.structs.replace(plan, prefix="a"))
    other = msgspec.structs.replace(plan, prefix="b")
    assert list(changes(other).values()) == [[]]
    provision(cloud, other)
    assert len(cloud.s3.get_bucket_lifecycle_configuration(Bucket=plan.bucket)["Rules"]) == 14


def test_a_dead_letter_outlives_what_the_queue_keeps(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    kept = [int(attributes(cloud, name)["MessageRetentionPeriod"]) for name in (plan.queue, plan.dead_queue)]
    assert kept == [7 * 24 * 3600, 14 * 24 * 3600]


def test_looking_changes_nothing(cloud: Cloud, plan: Plan):
    for _ in range(2):
        provisioner = Provisioner(plan)
        assert [change.what.split()[0] for change in provisioner.changes()] == [
            "create",
            "set",
            "create",
            "set",
            "create",
            *["set"] * 4,
        ]
        provisioner.close()
    assert plan.bucket not in [each["Name"] for each in cloud.s3.list_buckets().get("Buckets", ())]


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_the_queues_are_what_the_template_declares(cloud: Cloud, plan: Plan, kind: str, key: str):
    stack = Stack(QueueName=plan.queue, QueueKind=kind, KmsKey=key, VisibilityTimeout=45, MaxReceives=3)
    suffix = ".fifo" if kind == "fifo" else ""
    plan = msgspec.structs.replace(plan, queue=plan.queue + suffix, kms_key=key)
    provision(cloud, plan)
    for name, queue in (("DeadLetters", plan.dead_queue), ("Queue", plan.queue)):
        found, wanted = attributes(cloud, queue), dict(stack.resources[name])
        assert wanted.pop("QueueName") == queue
        (denied,) = json.loads(found["Policy"])["Statement"]
        (declared,) = stack.resources[f"{name}Policy"]["PolicyDocument"]["Statement"]
        assert denied | {"Resource": []} == declared | {"Resource": []}
        assert denied["Resource"] == [found["QueueArn"]]
        redrive = json.loads(found.get("RedrivePolicy", "null"))
        if redrive:
            declared = wanted.pop("RedrivePolicy")
            assert redrive["maxReceiveCount"] == declared["maxReceiveCount"]
            assert redrive["deadLetterTargetArn"] == attributes(cloud, plan.dead_queue)["QueueArn"]
        assert wanted.pop("SqsManagedSseEnabled", None) is (None if key else True)
        assert {each: found[each] for each in wanted} == {
            each: as_text(value) for each, value in wanted.items()
        }


def as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize("prefix", ["", "fleet/7/"])
def test_the_bucket_is_what_the_template_declares(cloud: Cloud, plan: Plan, prefix: str, key: str):
    provision(cloud, msgspec.structs.replace(plan, prefix=prefix, kms_key=key))
    stack = Stack(BucketName=plan.bucket, S3Prefix=prefix, KmsKey=key).resources
    wanted = dict(stack["Bucket"])
    assert wanted.pop("BucketName") == plan.bucket
    found = cloud.s3.get_public_access_block(Bucket=plan.bucket)["PublicAccessBlockConfiguration"]
    assert found == wanted.pop("PublicAccessBlockConfiguration")
    (rule,) = cloud.s3.get_bucket_encryption(Bucket=plan.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    (encryption,) = wanted.pop("BucketEncryption")["ServerSideEncryptionConfiguration"]
    assert rule["ApplyServerSideEncryptionByDefault"] == encryption["ServerSideEncryptionByDefault"]
    assert rule.get("BucketKeyEnabled", False) == encryption.get("BucketKeyEnabled", False)
    policy = json.loads(cloud.s3.get_bucket_policy(Bucket=plan.bucket)["Policy"])
    assert policy == stack["BucketPolicy"]["PolicyDocument"]
    lifecycle = wanted.pop("LifecycleConfiguration")
    answer = cloud.s3.get_bucket_lifecycle_configuration(Bucket=plan.bucket)
    assert [as_declared(each) for each in answer["Rules"]] == lifecycle["Rules"]
    assert wanted == {}


def as_declared(rule: dict[str, Any]) -> dict[str, Any]:
    """Write a rule of a lifecycle as CloudFormation does."""
    conditions = rule["Filter"].get("And", rule["Filter"])
    written = {"Id": rule["ID"], "Status": rule["Status"], "Prefix": conditions.get("Prefix", "")}
    written |= {name: str(value) for name, value in conditions.items() if name.startswith("ObjectSize")}
    if transitions := rule.get("Transitions"):
        written["Transitions"] = [
            {"StorageClass": each["StorageClass"], "TransitionInDays": each["Days"]} for each in transitions
        ]
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        written["AbortIncompleteMultipartUpload"] = abort
    if expiration := rule.get("Expiration"):
        written["ExpirationInDays"] = expiration["Days"]
    return written


def test_the_prefix_of_the_store_is_that_of_its_lifecycle(cloud: Cloud, plan: Plan):
    provision(cloud, Plan(plan.queue, plan.bucket, "fleet/7/"))
    rules = cloud.s3.get_bucket_lifecycle_configuration(Bucket=plan.bucket)["Rules"]
    folders = {each["Filter"].get("And", each["Filter"])["Prefix"] for each in rules}
    assert folders == {f"fleet/7/{each}" for each in ("raw/", "skewed/", "compacted/", "notes/", "")}


def test_a_fifo_queue_has_dead_letters_of_its_kind(cloud: Cloud, plan: Plan):
    fifo = Plan(f"{plan.queue}.fifo", plan.bucket)
    assert fifo.dead_queue == f"{plan.queue}-dlq.fifo"
    provision(cloud, fifo)
    assert provision(cloud, fifo) == []
    for name in (fifo.queue, fifo.dead_queue):
        assert attributes(cloud, name)["FifoQueue"] == "true"
