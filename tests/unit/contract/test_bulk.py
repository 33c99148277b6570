"""The parser of all records at once takes what the parser of one record takes."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.parse import parse_json, parse_lines
from telemetry.domain.contract.record import Parsed
from tests.builders import NOW, a_body
from tests.unit.contract.parsing import accepted, with_payload

GOOD_ITEMS = st.sampled_from(
    [
        a_body(),
        a_body(timestamp="2025-10-19T14:34:56.123+02:00"),
        a_body(timestamp="2025-10-19T12:34:56.123999Z"),
        a_body(vehicle_id="0" * 64, can_id="0x000001f0"),
        a_body(ingest_received_at=["whatever"]),
        with_payload({"battery_soc": 100, "cell_temp_min": -60.0, "cell_temp_max": -60.0}),
        with_payload({"motor_rpm": -1e300}),
        with_payload({f"signal_{n}": n for n in range(64)}),
    ]
)


@given(st.lists(GOOD_ITEMS, min_size=1, max_size=30))
def test_a_body_without_a_fault_is_taken_as_its_records_would_be_one_by_one(items):
    singly = [accepted(item) for item in items]
    assert parse_json(b"[" + b",".join(items) + b"]", NOW) == Parsed(singly, [])
    assert parse_lines(b"\n".join(items), NOW) == Parsed(singly, [])
