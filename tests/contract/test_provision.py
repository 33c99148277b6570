"""What `provision` makes, and what the template declares, is one and the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cloud import IS_GIVEN, Cloud
from telemetry.adapters.provision import Plan, Provisioner

TEMPLATE = Path(__file__).parents[2] / "deploy" / "cloudformation.yaml"


class Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, object]:
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node)}
    assert isinstance(node, yaml.ScalarNode)
    return {name: loader.construct_scalar(node)}


Loader.add_multi_constructor("!", _function)


def declared(parameters: dict[str, Any], arns: dict[str, str]) -> dict[str, Any]:
    """Read the properties of the template's resources, with parameters and ARNs put in."""
    template = yaml.load(TEMPLATE.read_text(), Loader)  # a SafeLoader
    known = {name: each.get("Default") for name, each in template["Parameters"].items()} | parameters

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        if list(value) == ["Ref"]:
            return known.get(value["Ref"], value["Ref"])
        if list(value) == ["GetAtt"]:
            return arns.get(value["GetAtt"], value["GetAtt"])
        if list(value) == ["Sub"]:
            text = value["Sub"]
            for name, each in known.items():
                text = text.replace(f"${{{name}}}", str(each))
            return text
        return {name: resolve(each) for name, each in value.items()}

    return {name: resolve(each["Properties"]) for name, each in template["Resources"].items()}


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


def attributes(cloud: Cloud, name: str) -> dict[str, str]:
    url = cloud.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: dict[str, str] = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def test_a_second_run_finds_nothing_to_do(cloud: Cloud, plan: Plan):
    first = provision(cloud, plan)
    assert {what.split()[0] for what in first} == {"create", "set"}
    assert f"set the lifecycle of bucket {plan.bucket}" in first
    assert provision(cloud, plan) == []


def test_what_was_changed_by_hand_is_set_again_and_nothing_else(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    url = cloud.sqs.get_queue_url(QueueName=plan.queue)["QueueUrl"]
    cloud.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    cloud.s3.delete_bucket_policy(Bucket=plan.bucket)
    assert provision(cloud, plan) == [
        f"set VisibilityTimeout of queue {plan.queue}",
        f"set the TLS-only policy of bucket {plan.bucket}",
    ]
    assert attributes(cloud, plan.queue)["VisibilityTimeout"] == "45"


def test_looking_changes_nothing(cloud: Cloud, plan: Plan):
    for _ in range(2):
        provisioner = Provisioner(plan)
        assert [change.what.split()[0] for change in provisioner.changes()] == ["create"] * 3 + ["set"] * 4
        provisioner.close()
    assert plan.bucket not in [each["Name"] for each in cloud.s3.list_buckets().get("Buckets", ())]


def test_the_queues_are_what_the_template_declares(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    dead, queue = attributes(cloud, plan.dead_queue), attributes(cloud, plan.queue)
    template = declared(
        {"QueueName": plan.queue, "VisibilityTimeout": 45, "MaxReceives": 3},
        {"DeadLetters.Arn": dead["QueueArn"]},
    )
    for name, found in (("DeadLetters", dead), ("Queue", queue)):
        wanted = template[name]
        assert found["QueueArn"].endswith(f":{wanted.pop('QueueName')}")
        assert json.loads(found.get("RedrivePolicy", "null")) == wanted.pop("RedrivePolicy", None)
        assert wanted.pop("SqsManagedSseEnabled") is True  # which is so unless one asks for something else
        assert {each: found[each] for each in wanted} == {each: str(value) for each, value in wanted.items()}


def test_the_bucket_is_what_the_template_declares(cloud: Cloud, plan: Plan):
    provision(cloud, plan)
    template = declared({"BucketName": plan.bucket}, {})
    wanted = template["Bucket"]
    assert wanted.pop("BucketName") == plan.bucket
    found = cloud.s3.get_public_access_block(Bucket=plan.bucket)["PublicAccessBlockConfiguration"]
    assert found == wanted.pop("PublicAccessBlockConfiguration")
    (rule,) = cloud.s3.get_bucket_encryption(Bucket=plan.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    (encryption,) = wanted.pop("BucketEncryption")["ServerSideEncryptionConfiguration"]
    assert rule["ApplyServerSideEncryptionByDefault"] == encryption["ServerSideEncryptionByDefault"]
    policy = json.loads(cloud.s3.get_bucket_policy(Bucket=plan.bucket)["Policy"])
    assert policy == template["BucketPolicy"]["PolicyDocument"]
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
    return written


def test_the_prefix_of_the_store_is_that_of_its_lifecycle(cloud: Cloud, plan: Plan):
    provision(cloud, Plan(plan.queue, plan.bucket, "fleet/7/"))
    rules = cloud.s3.get_bucket_lifecycle_configuration(Bucket=plan.bucket)["Rules"]
    folders = {each["Filter"].get("And", each["Filter"])["Prefix"] for each in rules}
    assert folders == {"fleet/7/raw/", "fleet/7/skewed/", "fleet/7/"}


def test_a_fifo_queue_has_dead_letters_of_its_kind(cloud: Cloud, plan: Plan):
    fifo = Plan(f"{plan.queue}.fifo", plan.bucket)
    assert fifo.dead_queue == f"{plan.queue}-dlq.fifo"
    provision(cloud, fifo)
    assert provision(cloud, fifo) == []
    for name in (fifo.queue, fifo.dead_queue):
        assert attributes(cloud, name)["FifoQueue"] == "true"


@pytest.mark.parametrize(
    ("policy", "actions"),
    [
        ("ReceiverPolicy", {"sqs:SendMessage", "sqs:GetQueueAttributes"}),
        (
            "ConsumerPolicy",
            {
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes",
                "s3:PutObject",
                "s3:GetObject",
                "s3:ListBucket",
            },
        ),
        ("AggregatorPolicy", {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}),
    ],
)
def test_a_role_may_do_what_it_does_and_no_more(policy: str, actions: set[str]):
    allowed = declared({}, {})[policy]["PolicyDocument"]["Statement"]
    found = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in allowed]
    assert {action for each in found for action in each} == actions
    assert all("*" not in json.dumps(each["Action"]) for each in allowed)
    writes = [each["Resource"] for each in allowed if "s3:PutObject" in each["Action"]]
    assert writes == [] or ("aggregated" in json.dumps(writes)) == (policy == "AggregatorPolicy")
