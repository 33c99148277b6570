"""Each reason of a rejection belongs to one class."""

import json

import pytest

from telemetry.adapters.http import reasons
from telemetry.domain.contract import parse
from telemetry.domain.contract.record import Rejection
from tests.builders import a_message

GOOD = a_message(payload={"battery_soc": 85.5})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"timestamp": "2025-10-19T12:34:56"}, "timestamp"),
        ({"timestamp": None}, "timestamp"),
        ({"vehicle_id": "a b"}, "vehicle_id"),
        ({"vehicle_id": 7}, "vehicle_id"),
        ({"can_id": "0X1F0"}, "can_id"),
        ({"payload": {}}, "payload"),
        ({"payload": {"battery_soc": 101}}, "payload"),
        ({"payload": {"battery_soc": "1"}}, "payload"),
        ({"payload": {"Battery": 1}}, "payload"),
        ({"payload": 1}, "payload"),
        ({"colour": "red"}, "other"),
    ],
)
def test_a_field_at_fault_is_the_class(changed: dict[str, object], reason: str):
    parsed = parse.parse_json(json.dumps([GOOD | changed]).encode(), 0)
    assert reasons.count(parsed.rejected) == {reason: 1}


@pytest.mark.parametrize("field", ["timestamp", "vehicle_id", "can_id", "payload"])
def test_a_field_that_is_missing_is_the_class(field: str):
    record = {name: value for name, value in GOOD.items() if name != field}
    assert reasons.count(parse.parse_json(json.dumps(record).encode(), 0).rejected) == {field: 1}


@pytest.mark.parametrize("line", ["{", "nonsense", "7", "[]", '{"timestamp": "\\ud800"}', '"\xff"'])
def test_what_is_no_object_of_json_is_a_class(line: str):
    body = f"{json.dumps(GOOD)}\n{line}\n".encode("latin-1")
    assert reasons.count(parse.parse_lines(body, 0).rejected) == {"json": 1}


def test_all_of_a_class_count_together():
    errors = ["payload.a: x", "payload.b: y", "can_id: z", "what?"]
    rejected = [Rejection(index, error) for index, error in enumerate(errors)]
    assert reasons.count(rejected) == {"payload": 2, "can_id": 1, "other": 1}
