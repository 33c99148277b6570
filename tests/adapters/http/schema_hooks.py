"""What schemathesis cannot read in the OpenAPI document: how lines are made, and what a schema cannot say.

Schemathesis loads this module by `SCHEMATHESIS_HOOKS`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

from telemetry.domain.contract import signals

LINES: Final = "application/x-ndjson"
_READ: Final = (202, 422)  # answers that name what was not taken
_AT_THE_ENDS: Final = ("0001-01-01", "9999-12-31")  # of what a timestamp can say; an offset may lead beyond

_known: Final = {name: st.floats(low, high) for name, (low, high, _) in signals.KNOWN.items()}
_records: Final = st.fixed_dictionaries(
    {
        "timestamp": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "vehicle_id": st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z"),
        "can_id": st.integers(0, 0x1FFFFFFF).map("0x{:X}".format),
        "payload": st.fixed_dictionaries({"odometer_km": st.floats(0, 1e9)}, optional=_known),
    }
)


@schemathesis.serializer(LINES)
def serialize_lines(_context: Any, value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


@schemathesis.hook
def flatmap_body(_context: Any, body: Any) -> st.SearchStrategy[Any]:
    """Send lines of records as well as any text, which is all that the schema says of lines."""
    if not isinstance(body, str):
        return st.just(body)
    return st.just(body) | st.lists(_records.map(json.dumps), min_size=1, max_size=5).map("\n".join)


@schemathesis.check
def every_record_is_taken_or_named(_context: Any, response: Any, case: schemathesis.Case[Any]) -> None:
    """Hold each element of a body to the schema by itself, whatever its neighbours are."""
    elements = _elements(response.request)
    if response.status_code not in _READ or elements is None:
        return
    answer = response.json()
    rejected = [each["index"] for each in answer["rejected"]]
    invalid = [index for index, valid in enumerate(_are_valid(case, elements)) if not valid]
    assert rejected == invalid, f"rejected {answer['rejected']}, and invalid by the schema are {invalid}"
    assert answer["accepted"] == len(elements) - len(rejected)


@schemathesis.hook
def filter_failure(_context: Any, failure: Any, case: schemathesis.Case[Any], response: Any) -> bool:
    """Drop what is no failure: a schema allows a whole body or none of it, and does not compare two signals.

    `every_record_is_taken_or_named` has held the body to more than that.
    """
    if not isinstance(failure, AcceptedNegativeData | RejectedPositiveData):
        return True
    elements = _elements(response.request)
    if elements is None:
        return not _is_lines(response.request)  # a text that is no JSON is no fault of the schema of lines
    valid = _are_valid(case, elements)
    if isinstance(failure, AcceptedNegativeData):
        return not any(valid)
    return any(valid) or not elements


def _is_lines(request: Any) -> bool:
    return str(request.headers.get("Content-Type", "")).startswith(LINES)


def _elements(request: Any) -> Sequence[Any] | None:
    """Return the elements that a request sent; None if what it sent is not JSON."""
    body = request.body or b""
    try:
        if _is_lines(request):
            return [json.loads(line) for line in body.split(b"\n") if line.strip()]
        whole = json.loads(body)
    except ValueError:
        return None
    return whole if isinstance(whole, list) else [whole]


def _are_valid(case: schemathesis.Case[Any], elements: Sequence[Any]) -> Sequence[bool]:
    """Return for each element whether it is a record by the schema, and by what no schema says."""
    schema = {
        "$ref": "#/components/schemas/Record",
        "components": case.operation.schema.raw_schema["components"],
    }
    is_valid = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid
    return [is_valid(each) and not _is_impossible(each) for each in elements]


def _is_impossible(record: Mapping[str, Any]) -> bool:
    """Return whether a record of the schema has no moment, no value, or a `_min` above its `_max`."""
    values = {name: value for name, value in record["payload"].items() if value is not None}
    twins = [(name, f"{name.removesuffix('_min')}_max") for name in values if name.endswith("_min")]
    crossed = any(values[low] > values.get(high, float("inf")) for low, high in twins)
    return crossed or not values or not _has_moment(record["timestamp"])


def _has_moment(text: str) -> bool:
    """Return whether RFC 3339 names no leap second, and in UTC a moment in the years 1 to 9999."""
    if text[:4] == "0000" or text[17:19] == "60":
        return False
    if not text.startswith(_AT_THE_ENDS):
        return True
    try:
        datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        return False
    return True
