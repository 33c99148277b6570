"""Puts what is wanted beside what is set already, and names what would be lost by it.

The rules, for attributes of a queue and for properties of a bucket:

- What is not set is added.
- What others set under names of their own stays: rules of a lifecycle, statements of a policy. A rule or a
  statement that says what is wanted counts, whatever its name is.
- What is stronger than what is wanted stays: a KMS key where none is wanted, encryption in two layers.
- What is set under our name, or has only one value, and differs is replaced. Each such value is named, so
  that nobody loses it unasked.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

Rule = Mapping[str, Any]
"""A rule of a lifecycle, or a statement of a policy."""

_MANAGED: Final = "SqsManagedSseEnabled"
_KEY: Final = "KmsMasterKeyId"
_LEAST_SIZE: Final = "TransitionDefaultMinimumObjectSize"


class Merged(NamedTuple):
    """What to write, and the present values that are lost by it."""

    value: Mapping[str, Any]
    replaces: Sequence[str] = ()


def attributes(found: Mapping[str, str], wanted: Mapping[str, str]) -> Merged | None:
    """Merge the attributes of a queue; return None if there is nothing to write."""
    differing = {name: value for name, value in wanted.items() if not _is_met(name, value, found)}
    lost = [f"{name} {found[name]}" for name in differing if name in found and name != _MANAGED]
    return Merged(differing, lost) if differing else None


def _is_met(name: str, value: str, found: Mapping[str, str]) -> bool:
    present, key = found.get(name, ""), found.get(_KEY, "")
    if name == _KEY:
        return _is_key(key, value)
    return _normal(present) == _normal(value) or (name == _MANAGED and bool(key))


def public_access(found: Mapping[str, Any]) -> Merged | None:
    """Merge the block of public access of a bucket, of which every part is wanted."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    there = found.get("PublicAccessBlockConfiguration", {})
    lost = [f"{name} false" for name in names if there.get(name) is False]
    if all(there.get(name) for name in names):
        return None
    return Merged({"PublicAccessBlockConfiguration": dict.fromkeys(names, True)}, lost)


def encryption(found: Mapping[str, Any], key: str) -> Merged | None:
    """Merge the encryption of a bucket: by the KMS key `key`, or, if that is empty, at least by S3's own."""
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    there = rules[0] if rules else {}
    default = there.get("ApplyServerSideEncryptionByDefault", {})
    algorithm, present = default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", "")
    if algorithm if not key else algorithm.startswith("aws:kms") and _is_key(present, key):
        return None
    if key:
        layers = algorithm if algorithm.startswith("aws:kms") else "aws:kms"
        wanted = {"SSEAlgorithm": layers, "KMSMasterKeyID": key}
        # A key of the bucket's own saves nearly all calls to KMS. S3 does not take it with two layers.
        merged = there | {"BucketKeyEnabled": layers == "aws:kms"}
    else:
        wanted, merged = {"SSEAlgorithm": "AES256"}, there
    rule = {**merged, "ApplyServerSideEncryptionByDefault": wanted}
    lost = [f"key {present}"] if present else []
    return Merged({"ServerSideEncryptionConfiguration": {"Rules": [rule]}}, lost)


def _is_key(present: str, key: str) -> bool:
    """Return whether two names mean one key, which may be named by its id or by its ARN."""
    return present == key or present.endswith(f"/{key}") or (bool(present) and key.endswith(f"/{present}"))


def policy(found: str | None, wanted: Rule) -> Merged | None:
    """Merge a statement into a policy, which is empty if there is none."""
    document = json.loads(found) if found else {"Version": "2012-10-17", "Statement": []}
    there = _listed(document["Statement"])
    merged = _beside(there, [wanted], "Sid")
    if merged is None:
        return None
    statements, lost = merged
    return Merged(
        {"Policy": json.dumps({**document, "Statement": statements})}, [f"statement {name}" for name in lost]
    )


def lifecycle(found: Mapping[str, Any], wanted: Sequence[Rule]) -> Merged | None:
    """Merge rules into the lifecycle of a bucket."""
    merged = _beside([_with_filter(rule) for rule in found.get("Rules", ())], wanted, "ID")
    if merged is None:
        return None
    rules, lost = merged
    # It is read beside the rules, and falls back to its default if it is not written with them.
    kept = {_LEAST_SIZE: found[_LEAST_SIZE]} if _LEAST_SIZE in found else {}
    return Merged({"LifecycleConfiguration": {"Rules": rules}, **kept}, [f"rule {name}" for name in lost])


def _with_filter(rule: Rule) -> Rule:
    """Write a rule of the first version, whose prefix is no filter, as S3 wants it beside others."""
    if "Prefix" not in rule:
        return rule
    return {name: value for name, value in rule.items() if name != "Prefix"} | {
        "Filter": {"Prefix": rule["Prefix"]}
    }


def _beside(
    there: Sequence[Rule], wanted: Sequence[Rule], name: str
) -> tuple[Sequence[Rule], Sequence[str]] | None:
    """Put what is wanted beside what is there; return all, and the names of what was replaced.

    Return None if all that is wanted is there.
    """
    said = [_content(each, name) for each in there]
    missing = [each for each in wanted if _content(each, name) not in said]
    if not missing:
        return None
    ours = {each[name] for each in missing}
    lost = [each[name] for each in there if each.get(name) in ours]
    return [*(each for each in there if each.get(name) not in ours), *missing], lost


def _content(rule: Rule, name: str) -> object:
    """Return what a rule says, without its name."""
    return _normal({each: value for each, value in rule.items() if each != name})


def _normal(value: object) -> object:
    """Return a form in which what means the same to AWS is equal.

    AWS formats JSON in its own way, gives numbers as texts, orders lists anew, and takes one value for a list
    of one.
    """
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, Mapping):
        # What is empty says nothing: the filter of a whole bucket is `{}`, or has an empty prefix.
        inside = {name: _normal(value[name]) for name in sorted(value)}
        return {name: each for name, each in inside.items() if each not in ({}, "")}
    if isinstance(value, list):
        return _normal(value[0]) if len(value) == 1 else sorted(map(_normal, value), key=repr)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(value: Any) -> Sequence[Any]:  # noqa: ANN401  # as AWS answers
    return value if isinstance(value, list) else [value]
