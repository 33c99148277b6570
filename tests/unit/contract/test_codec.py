"""Records as JSON lines, in a request and in the raw store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import codec
from telemetry.domain.contract.parse import parse_json, parse_lines
from telemetry.domain.contract.record import Parsed
from tests.builders import NOW, a_body, a_record, records
from tests.unit.contract.parsing import SHORT


@given(st.lists(records(), max_size=5))
def test_a_stored_line_reads_back_as_the_record_that_it_was(written):
    lines = codec.encode_lines(written)
    assert lines.count(b"\n") == len(written)
    assert [codec.decode_line(line) for line in lines.splitlines()] == written


@given(st.lists(records(received=st.just(NOW)), min_size=1, max_size=5))
def test_a_request_is_taken_as_the_records_that_were_sent(sent):
    assert parse_lines(codec.encode_request(sent), NOW) == Parsed(sent, [])


@given(records())
def test_a_stored_line_is_itself_a_valid_message(written):
    assert parse_json(codec.encode_lines([written]), written.received_ms) == Parsed([written], [])


def test_a_stored_line_is_encoded_as_the_contract_shows():
    assert codec.encode_lines([a_record(payload={"battery_soc": 85.5})]) == (
        b'{"timestamp":"2025-10-19T14:30:00.000Z","vehicle_id":"veh-00123","can_id":"0x1F0",'
        b'"payload":{"battery_soc":85.5},"ingest_received_at":"2025-10-19T14:30:00.200Z"}\n'
    )


def test_a_line_reads_back_from_a_view_without_being_copied():
    assert codec.decode_line(memoryview(codec.encode_lines([a_record()]))) == a_record()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"{}",
        b"\xff",
        b'"text"',
        b"[" * 20_000,
        a_body(),
        codec.encode_lines([a_record()]).replace(b".200Z", b".200"),
        codec.encode_lines([a_record()]).replace(b".000Z", b".000"),
        codec.encode_lines([a_record()]).replace(b"veh-", b"\xff"),
        codec.encode_lines([a_record()]).replace(b"85.5", b"1e999"),
        codec.encode_lines([a_record()]) * 2,
    ],
    ids=lambda line: repr(line[-20:]),
)
def test_what_is_no_line_of_the_raw_store_raises_value_error(line):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # there is any number of texts
        codec.decode_line(line)
    assert len(str(refusal.value)) < SHORT
