"""What is wanted on AWS, in each of its partitions."""

import json

import pytest

from telemetry.adapters.provision.plan import Plan, bucket_aspects, queue_attributes


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_policy_of_a_bucket_names_it_in_its_partition(partition: str):
    (merged,) = [
        each.merge({}) for each in bucket_aspects(Plan("q", "b"), partition) if "policy" in each.verb
    ]
    assert merged
    (statement,) = json.loads(merged.value["Policy"])["Statement"]
    assert statement["Resource"] == [f"arn:{partition}:s3:::b", f"arn:{partition}:s3:::b/*"]


def test_the_queue_says_where_dead_letters_go_and_for_how_long_it_keeps_messages():
    wanted = queue_attributes(Plan("q", "b", max_receives=3, retention=86_400), "arn:of:dead")
    assert json.loads(wanted["RedrivePolicy"]) == {"deadLetterTargetArn": "arn:of:dead", "maxReceiveCount": 3}
    assert wanted["MessageRetentionPeriod"] == "86400"
