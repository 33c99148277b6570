"""Why a record is refused: the field at fault is named, briefly."""

import json

import msgspec
import pytest

from telemetry.domain.contract.parse import parse_json
from tests.builders import NOW, a_body, a_message
from tests.unit.contract.parsing import MEGABYTES, SHORT, refused, with_payload


@pytest.mark.parametrize("field", ["timestamp", "vehicle_id", "can_id", "payload"])
def test_a_missing_field_is_named(field):
    assert refused(a_body(**{field: None})) == f"Object missing required field `{field}`"


def test_an_unknown_field_is_named():
    assert refused(a_body(speed=3)) == "Object contains unknown field `speed`"


@pytest.mark.parametrize("item", [b"7", b'"text"', b"null", b"[]", b"true", b"[[]]"])
def test_what_is_no_object_is_refused_in_an_array(item):
    (rejection,) = parse_json(b"[" + item + b"]", NOW).rejected
    assert rejection.error.startswith("Expected `object`, got ")


@pytest.mark.parametrize(
    "body",
    [
        a_body(**{MEGABYTES: 1}),
        a_body(timestamp=MEGABYTES),
        a_body(can_id=MEGABYTES),
        with_payload(MEGABYTES),
        with_payload({"x": MEGABYTES}),
        a_body(vehicle_id={MEGABYTES: MEGABYTES}),
    ],
    ids=["field", "timestamp", "can_id", "payload", "signal", "vehicle_id"],
)
def test_a_reason_is_short_though_the_sender_sent_megabytes(body):
    assert 0 < len(refused(body)) < SHORT


@pytest.mark.parametrize(
    "field",
    ["x - at `$.payload[", "x - at `key` in `$.payload`", "x - at `$", "` - at `$.payload[...]`", " - at `"],
)
def test_a_field_that_is_named_like_a_place_is_an_unknown_field(field):
    assert "unknown field" in refused(json.dumps({field: 1}).encode())
    assert "unknown field" in refused(json.dumps({field: 1} | a_message(payload=5)).encode())


def test_a_second_payload_cannot_hide_what_is_wrong_with_the_first():
    body = b'{"payload":{"x":"text"},"payload":5}'
    assert refused(body) == "Expected `float | null`, got `str`"


def test_a_rejection_is_answered_as_index_and_error():
    (rejection,) = parse_json(a_body(speed=1), NOW).rejected
    assert msgspec.to_builtins(rejection) == {"index": 0, "error": "Object contains unknown field `speed`"}
