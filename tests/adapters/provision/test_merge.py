"""What is wanted is put beside what is set: nothing of others is lost, nothing strong becomes weak."""

import json
from typing import Any

import pytest

from telemetry.adapters.provision import merge
from telemetry.adapters.provision.plan import tls_only

ARN = "arn:aws:kms:eu-central-1:123456789012:key/k-1"
TLS = tls_only("s3", "arn:aws:s3:::b", "arn:aws:s3:::b/*")
RULE = {
    "ID": "telemetry:raw-small",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "raw/", "ObjectSizeGreaterThan": 0}},
    "Transitions": [{"Days": 90, "StorageClass": "GLACIER"}],
}
THEIRS = {"ID": "theirs", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 3}}


def a_policy(*statements: Any) -> str:
    return json.dumps({"Version": "2008-10-17", "Id": "p", "Statement": list(statements)})


def encrypted(algorithm: str, key: str | None = None) -> dict[str, Any]:
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    return {"ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}}


def default_of(merged: merge.Merged | None) -> dict[str, str]:
    assert merged
    (rule,) = merged.value["ServerSideEncryptionConfiguration"]["Rules"]
    found: dict[str, str] = rule["ApplyServerSideEncryptionByDefault"]
    return found


@pytest.mark.parametrize("key", [ARN, "k-1", "alias/aws/sqs"])
def test_a_queue_with_a_key_keeps_it_where_none_is_wanted(key: str):
    found = {"KmsMasterKeyId": key, "SqsManagedSseEnabled": "false"}
    assert merge.attributes(found, {"SqsManagedSseEnabled": "true"}) is None


def test_a_queue_without_encryption_is_encrypted_and_nothing_is_lost_by_it():
    merged = merge.attributes({"SqsManagedSseEnabled": "false"}, {"SqsManagedSseEnabled": "true"})
    assert merged == ({"SqsManagedSseEnabled": "true"}, [])


def test_another_key_of_a_queue_is_named_before_it_is_replaced():
    assert merge.attributes({"KmsMasterKeyId": "k-1"}, {"KmsMasterKeyId": ARN}) is None
    merged = merge.attributes({"KmsMasterKeyId": "k-2"}, {"KmsMasterKeyId": ARN})
    assert merged == ({"KmsMasterKeyId": ARN}, ["KmsMasterKeyId k-2"])
    assert merge.attributes({}, {"KmsMasterKeyId": ARN}) == ({"KmsMasterKeyId": ARN}, [])


def test_only_attributes_that_differ_are_written_however_json_is_formatted():
    found = {"VisibilityTimeout": "5", "RedrivePolicy": '{"maxReceiveCount":"5","deadLetterTargetArn":"a"}'}
    wanted = {
        "VisibilityTimeout": "30",
        "RedrivePolicy": '{"deadLetterTargetArn": "a", "maxReceiveCount": 5}',
    }
    assert merge.attributes(found, wanted) == ({"VisibilityTimeout": "30"}, ["VisibilityTimeout 5"])


def test_a_block_of_public_access_is_completed_and_what_was_allowed_is_named():
    parts = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    all_of_it = {"PublicAccessBlockConfiguration": dict.fromkeys(parts, True)}
    assert merge.public_access(all_of_it) is None
    assert merge.public_access({}) == (all_of_it, [])
    part = {"PublicAccessBlockConfiguration": dict.fromkeys(parts, True) | {"BlockPublicAcls": False}}
    assert merge.public_access(part) == (all_of_it, ["BlockPublicAcls false"])


@pytest.mark.parametrize(
    ("found", "key"),
    [
        (encrypted("AES256"), ""),
        (encrypted("aws:kms"), ""),
        (encrypted("aws:kms", ARN), ""),
        (encrypted("aws:kms:dsse", ARN), ""),
        (encrypted("aws:kms", ARN), ARN),
        (encrypted("aws:kms", ARN), "k-1"),
        (encrypted("aws:kms:dsse", "k-1"), ARN),
    ],
)
def test_a_bucket_that_is_encrypted_as_wanted_or_better_stays_as_it_is(found: dict[str, Any], key: str):
    assert merge.encryption(found, key) is None


@pytest.mark.parametrize(
    ("found", "key", "lost"),
    [
        ({}, "", []),
        ({}, ARN, []),
        (encrypted("AES256"), ARN, []),
        (encrypted("aws:kms"), ARN, []),
        (encrypted("aws:kms", "k-2"), ARN, ["key k-2"]),
    ],
)
def test_a_bucket_is_encrypted_by_the_key_that_is_wanted(found: dict[str, Any], key: str, lost: list[str]):
    merged = merge.encryption(found, key)
    assert default_of(merged) == (
        {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    )
    assert merged
    assert merged.replaces == lost


def test_two_layers_of_encryption_stay_two_with_another_key():
    merged = merge.encryption(encrypted("aws:kms:dsse", "k-2"), ARN)
    assert default_of(merged) == {"SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": ARN}


def test_a_statement_is_put_beside_those_of_others():
    theirs = {"Sid": "Theirs", "Effect": "Deny"}
    merged = merge.policy(a_policy(theirs), TLS)
    assert merged
    assert merged.replaces == []
    document = json.loads(merged.value["Policy"])
    assert document == {"Version": "2008-10-17", "Id": "p", "Statement": [theirs, TLS]}


def test_a_policy_may_be_missing_or_hold_its_one_statement_without_a_list():
    merged = merge.policy(None, TLS)
    assert merged
    assert json.loads(merged.value["Policy"]) == {"Version": "2012-10-17", "Statement": [TLS]}
    alone = json.dumps({"Version": "2012-10-17", "Statement": {**TLS, "Sid": "Other"}})
    assert merge.policy(alone, TLS) is None


def test_a_statement_counts_whatever_its_name_and_the_order_of_what_is_in_it():
    same = {**TLS, "Sid": "DenyHttp", "Resource": list(reversed(TLS["Resource"])), "Action": ["s3:*"]}
    assert merge.policy(a_policy(same), TLS) is None


def test_a_statement_of_our_name_that_says_less_is_named_before_it_is_replaced():
    weaker = {**TLS, "Resource": ["arn:aws:s3:::b/*"]}
    merged = merge.policy(a_policy(weaker), TLS)
    assert merged
    assert merged.replaces == ["statement TelemetryTlsOnly"]
    assert json.loads(merged.value["Policy"])["Statement"] == [TLS]


def test_rules_of_others_stay_with_all_that_is_said_beside_them():
    found = {"Rules": [THEIRS], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    merged = merge.lifecycle(found, [RULE])
    assert merged == (
        {
            "LifecycleConfiguration": {"Rules": [THEIRS, RULE]},
            "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
        },
        [],
    )


def test_a_rule_of_the_first_version_gets_the_filter_that_s3_wants_beside_others():
    old = {"ID": "old", "Status": "Enabled", "Prefix": "x/", "Expiration": {"Days": 3}}
    merged = merge.lifecycle({"Rules": [old]}, [RULE])
    assert merged
    first, second = merged.value["LifecycleConfiguration"]["Rules"]
    assert first == {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    assert second == RULE
    assert merge.lifecycle({"Rules": [old]}, [first]) is None


def test_a_rule_counts_whatever_its_name():
    assert merge.lifecycle({"Rules": [{**RULE, "ID": "raw-small"}]}, [RULE]) is None
    whole = {"ID": "w", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}
    assert merge.lifecycle({"Rules": [THEIRS]}, [whole]) is None


@pytest.mark.parametrize("change", [{"Status": "Disabled"}, {"Expiration": {"Days": 365}}])
def test_a_rule_of_our_name_that_differs_is_named_before_it_is_replaced(change: dict[str, Any]):
    merged = merge.lifecycle({"Rules": [{**RULE, **change}, THEIRS]}, [RULE])
    assert merged
    assert merged.replaces == ["rule telemetry:raw-small"]
    assert merged.value["LifecycleConfiguration"]["Rules"] == [THEIRS, RULE]
