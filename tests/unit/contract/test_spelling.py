import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import spelling
from telemetry.domain.contract.message import parse, parse_lines
from tests.builders import NOW, a_body, a_record, records


@given(st.lists(records(), max_size=5))
def test_a_stored_line_reads_back_as_the_record_that_it_was(written):
    lines = spelling.encode(written)
    assert lines.count(b"\n") == len(written)
    assert [spelling.decode(line) for line in lines.splitlines()] == written


@given(st.lists(records(received=st.just(NOW)), min_size=1, max_size=5))
def test_a_request_is_taken_as_the_records_that_were_sent(sent):
    assert parse_lines(spelling.encode_request(sent), NOW) == (sent, [])


@given(records())
def test_a_stored_line_is_itself_a_valid_message(written):
    assert parse(spelling.encode([written]), written.received) == ([written], [])


def test_a_stored_line_is_spelled_as_the_contract_shows():
    assert spelling.encode([a_record(payload={"battery_soc": 85.5})]) == (
        b'{"timestamp":"2025-10-19T14:30:00.000Z","vehicle_id":"veh-00123","can_id":"0x1F0",'
        b'"payload":{"battery_soc":85.5},"ingest_received_at":"2025-10-19T14:30:00.200Z"}\n'
    )


def test_a_line_reads_back_from_a_view_without_being_copied():
    assert spelling.decode(memoryview(spelling.encode([a_record()]))) == a_record()


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
        spelling.encode([a_record()]).replace(b".200Z", b".200"),
        spelling.encode([a_record()]).replace(b".000Z", b".000"),
        spelling.encode([a_record()]).replace(b"veh-", b"\xff"),
        spelling.encode([a_record()]).replace(b"85.5", b"1e999"),
        spelling.encode([a_record()]) * 2,
    ],
    ids=lambda line: repr(line[-20:]),
)
def test_what_is_no_line_of_the_raw_store_raises_value_error(line):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # there is any number of texts
        spelling.decode(line)
    assert len(str(refusal.value)) < 300  # characters that a reason may have
