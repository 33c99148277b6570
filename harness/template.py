"""The CloudFormation template as AWS reads it: with parameters put in and functions applied."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).parent.parent / "deploy" / "cloudformation.yaml"
_NOTHING: Final = object()  # what `AWS::NoValue` stands for
_ACCOUNT: Final = "123456789012"


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, object]:
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.MappingNode):
        return {name: loader.construct_mapping(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    return {name: loader.construct_scalar(node)}


_Loader.add_multi_constructor("!", _function)


def read(file: Path = FILE) -> dict[str, Any]:
    """Read a template with its functions as they are: `!Ref X` is `{"Ref": "X"}`."""
    template: dict[str, Any] = yaml.load(file.read_text(), _Loader)  # it is a SafeLoader
    return template


class Stack:
    """What the template makes with some parameters, in one partition of AWS."""

    def __init__(self, partition: str = "aws", **parameters: object) -> None:
        self._template = read()
        given = {name: each.get("Default") for name, each in self._template["Parameters"].items()}
        self._known = given | parameters | {"AWS::Partition": partition, "AWS::StackName": "stack"}
        self._known["AWS::NoValue"] = _NOTHING
        self._partition = partition

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """The properties of each resource, by its name in the template; without those that are not made."""
        return {
            name: self._resolve(each["Properties"])
            for name, each in self._template["Resources"].items()
            if "Condition" not in each or self._holds(each["Condition"])
        }

    def statements(self, policy: str) -> Sequence[Mapping[str, Any]]:
        """Return the statements of a policy; their actions and resources are lists."""
        found = self.resources[policy]["PolicyDocument"]["Statement"]
        return [
            {name: _listed(each) if name in ("Action", "Resource") else each for name, each in one.items()}
            for one in found
        ]

    def _holds(self, condition: str) -> bool:
        return bool(self._resolve(self._template["Conditions"][condition]))

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._resolve, value) if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, inside),) = value.items()
            if name in ("Ref", "GetAtt", "Sub", "If", "Equals", "Not"):
                return getattr(self, f"_{name.lower()}")(inside)
        resolved = {name: self._resolve(each) for name, each in value.items()}
        return {name: each for name, each in resolved.items() if each is not _NOTHING}

    def _ref(self, name: str) -> Any:
        return self._known.get(name, name)

    def _getatt(self, path: str) -> str:
        name, _, attribute = path.partition(".")
        properties = self._template["Resources"][name]["Properties"]
        if attribute == "QueueName" or name == "Bucket":
            named: str = self._resolve(properties["QueueName" if attribute == "QueueName" else "BucketName"])
            return named if attribute == "QueueName" else f"arn:{self._partition}:s3:::{named}"
        return f"arn:{self._partition}:sqs:eu-central-1:{_ACCOUNT}:{self._getatt(f'{name}.QueueName')}"

    def _sub(self, text: str) -> str:
        for name, each in self._known.items():
            text = text.replace(f"${{{name}}}", str(each))
        return text.replace("${Bucket.Arn}", self._getatt("Bucket.Arn"))

    def _if(self, choice: Sequence[Any]) -> Any:
        condition, yes, no = choice
        return self._resolve(yes if self._holds(condition) else no)

    def _equals(self, sides: Sequence[Any]) -> bool:
        left, right = map(self._resolve, sides)
        return bool(left == right)

    def _not(self, sides: Sequence[Any]) -> bool:
        return not self._resolve(sides[0])


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]
