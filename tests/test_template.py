"""What the CloudFormation template declares beside what `telemetry provision` makes, by its parameters."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from harness import template
from harness.template import Stack
from telemetry.domain.lake.manifest import COMPACTED
from telemetry.domain.privacy.erase import ERASURES
from telemetry.domain.store.notes import NOTES
from telemetry.domain.store.objects import DISMISSED, QUARANTINE
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles.provision import ProvisionOptions

ENTRYPOINTS = Path(__file__).parent.parent / "src" / "telemetry" / "entrypoints"
POLICIES = sorted(
    name for name, each in template.read()["Resources"].items() if each["Type"] == "AWS::IAM::ManagedPolicy"
)
OF_STORES = [name for name in POLICIES if name != "ProvisionerPolicy"]
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TREES = ("raw/", "skewed/", "aggregated/", COMPACTED, NOTES, QUARANTINE, DISMISSED, ERASURES)


def test_there_is_a_policy_for_each_command_that_uses_aws():
    assert POLICIES == [
        "AggregatorPolicy", "CompactorPolicy", "ConsumerPolicy", "EraserPolicy", "OperatorPolicy", "ProverPolicy", "ProvisionerPolicy",
        "QuerierPolicy", "ReceiverPolicy",
    ]  # fmt: skip


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_arn_is_of_the_partition_of_the_stack(partition: str):
    assert "arn:aws" not in template.FILE.read_text()
    arns = re.findall(r"arn:[a-z-]+", repr(Stack(partition).resources))
    assert len(arns) > 20
    assert set(arns) == {f"arn:{partition}"}


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_what_does_not_come_over_tls_is_denied_by_bucket_and_both_queues(service: str):
    stack = Stack(BucketName="b")
    holders = {
        "s3": {"Bucket": "BucketPolicy"},
        "sqs": {"Queue": "QueuePolicy", "DeadLetters": "DeadLettersPolicy"},
    }
    for owner, policy in holders[service].items():
        (statement,) = stack.statements(policy)
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Action"] == [f"{service}:*"]
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        attached = stack.resources[policy].get("Queues") or [stack.resources[policy]["Bucket"]]
        assert attached == [owner]


def test_a_dead_letter_outlives_the_queue_whatever_retention_is_chosen():
    longest = template.read()["Parameters"]["Retention"]["MaxValue"]
    resources = Stack(Retention=longest).resources
    spare_s = (
        resources["DeadLetters"]["MessageRetentionPeriod"] - resources["Queue"]["MessageRetentionPeriod"]
    )
    assert spare_s >= 24 * 3600


def test_defaults_are_those_of_settings_and_options():
    parameters = template.read()["Parameters"]
    assert parameters["VisibilityTimeout"]["Default"] == Settings().queue_visibility_timeout
    assert parameters["MaxReceives"]["Default"] == Settings().queue_max_receives
    assert parameters["Retention"]["Default"] == ProvisionOptions().retention * 24 * 3600


def test_a_queue_is_named_as_its_kind_demands():
    standard, fifo = (Stack(QueueName="q", QueueKind=kind).resources for kind in ("standard", "fifo"))
    assert [standard[name]["QueueName"] for name in ("Queue", "DeadLetters")] == ["q", "q-dlq"]
    assert [fifo[name]["QueueName"] for name in ("Queue", "DeadLetters")] == ["q.fifo", "q-dlq.fifo"]
    assert not {"FifoQueue", "DeduplicationScope"} & standard["Queue"].keys()
    assert fifo["Queue"]["FifoQueue"] is fifo["DeadLetters"]["FifoQueue"] is True


def test_one_key_encrypts_all_and_every_role_may_use_it():
    stack = Stack(KmsKey=KEY)
    queues = [stack.resources[name] for name in ("Queue", "DeadLetters")]
    assert [each["KmsMasterKeyId"] for each in queues] == [KEY, KEY]
    assert all("SqsManagedSseEnabled" not in each for each in queues)
    (rule,) = stack.resources["Bucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    for role in {*POLICIES} - {"ProvisionerPolicy"}:
        (of_key,) = [each for each in stack.statements(role) if each["Resource"] == [KEY]]
        may_write = any("Put" in action or "Send" in action for action in actions(stack, role))
        assert ("kms:GenerateDataKey" in of_key["Action"]) == may_write
        assert "kms:Decrypt" in of_key["Action"]


def actions(stack: Stack, policy: str) -> set[str]:
    return {str(action) for each in stack.statements(policy) for action in each["Action"]}


def test_without_a_key_those_of_sqs_and_s3_encrypt_and_no_role_needs_another():
    stack = Stack()
    assert stack.resources["Queue"]["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in stack.resources["Queue"]
    assert not [policy for policy in POLICIES if "kms" in repr(stack.statements(policy))]


def test_the_prefix_of_the_roles_is_that_of_lifecycle_and_policies():
    stack = Stack(BucketName="b", S3Prefix="fleet/7/")
    rules = stack.resources["Bucket"]["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"] for rule in rules} == {
        "fleet/7/",
        *(f"fleet/7/{tree}/" for tree in ("raw", "skewed", "compacted", "notes")),
    }
    assert all(rule["Id"].startswith("telemetry:fleet/7/") for rule in rules)
    for policy in OF_STORES:
        objects = [
            resource
            for each in stack.statements(policy)
            for resource in each["Resource"]
            if resource.startswith("arn:aws:s3:::b/")
        ]
        assert objects
        assert all(each.startswith("arn:aws:s3:::b/fleet/7/") for each in objects)
        inside = {each.removeprefix("arn:aws:s3:::b/fleet/7/").partition("/")[0] for each in objects}
        assert inside <= {tree.rstrip("/") for tree in TREES}


@pytest.mark.parametrize("policy", OF_STORES)
def test_a_role_lists_only_below_its_prefix(policy: str):
    (listing,) = [
        each for each in Stack(S3Prefix="a/").statements(policy) if each["Action"] == ["s3:ListBucket"]
    ]
    (allowed,) = listing["Condition"]["StringLikeIfExists"].values()
    assert list(listing["Condition"]["StringLikeIfExists"]) == ["s3:prefix"]
    assert all(fnmatchcase(f"a/{tree}", allowed) for tree in TREES)
    assert not any(fnmatchcase(other, allowed) for other in ("", "b/raw/", "raw/"))


@pytest.mark.parametrize("prefix", ["", "fleet/", "fleet/7/", "a=b/c.d_e-f/"])
def test_a_prefix_ends_in_a_slash_so_that_no_other_begins_like_it(prefix: str):
    pattern = template.read()["Parameters"]["S3Prefix"]["AllowedPattern"]
    assert re.fullmatch(pattern, prefix)
    assert not re.fullmatch(pattern, prefix + "fleet")
    assert not re.fullmatch(pattern, prefix + "*/")  # it would open the policies to others


def test_no_policy_allows_more_than_named_actions_on_named_resources():
    for policy in POLICIES:
        for each in Stack(BucketName="b").statements(policy):
            assert not [action for action in each["Action"] if "*" in action]
            if each["Action"] != ["cloudwatch:GetMetricStatistics"]:  # which knows no resource
                assert "*" not in each["Resource"]


@pytest.mark.parametrize(
    ("name", "file", "metric"),
    [
        ("RefusalsInLog", "roles/receiver.py", "Refusals"),
        ("HoursInLog", "shared/reporting.py", "HoursBuilt"),
    ],
)
def test_an_alarm_from_a_log_waits_for_what_the_role_says(name: str, file: str, metric: str):
    found = Stack(LogGroup="g").resources[name]
    (event,) = re.findall(r'\$\.event = "([^"]+)"', found["FilterPattern"])
    assert f'"{event}"' in (ENTRYPOINTS / file).read_text()
    (transformation,) = found["MetricTransformations"]
    assert transformation["MetricName"] == metric
    assert name not in Stack().resources


def test_an_aggregator_that_says_nothing_counts_as_one_that_built_nothing():
    (transformation,) = Stack(LogGroup="g").resources["HoursInLog"]["MetricTransformations"]
    assert (transformation["MetricValue"], transformation["DefaultValue"]) == ("1", 0)


def test_there_is_an_alarm_for_each_part_that_may_stop():
    stack = Stack(LogGroup="g", AlarmTopic="t")
    alarms = {name: each for name, each in stack.resources.items() if "AlarmDescription" in each}
    assert sorted(alarms) == [
        "AggregatorBehind", "BacklogAge", "ConsumerGone", "DeadLetterDepth", "ReceiverRefuses",
    ]  # fmt: skip
    assert all(each["AlarmActions"] == ["t"] for each in alarms.values())
    assert sorted(name for name in Stack().resources if name in alarms) == [
        "BacklogAge", "ConsumerGone", "DeadLetterDepth",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["ConsumerGone", "AggregatorBehind"])
def test_an_alarm_that_computes_names_all_its_metrics(name: str):
    metrics = Stack(LogGroup="g").resources[name]["Metrics"]
    (shown,) = [each for each in metrics if "Expression" in each]
    inside = {each["Id"]: each["MetricStat"]["Metric"] for each in metrics if each is not shown}
    assert set(re.findall(r"FILL\((\w+), 0\)", shown["Expression"])) == inside.keys()
    assert all(
        each.get("Dimensions", [{"Value": "telemetry"}])[0]["Value"] == "telemetry"
        for each in inside.values()
    )
