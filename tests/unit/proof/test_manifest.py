"""The manifest: what was sent, and what of it was accepted, by identity."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.proof.manifest import Count, Manifest
from tests.builders import HOUR, NOW, a_record, identity, records, some_records


def test_an_empty_manifest_has_neither_streams_nor_hours():
    assert list(Manifest().streams()) == []
    assert Manifest().hours() == []


def test_a_stream_is_a_can_id_of_a_vehicle():
    manifest = Manifest()
    manifest.add_sent([a_record(), a_record(can_id="0x2"), a_record(vehicle_id="other")])
    assert {stream for stream, _ in manifest.streams()} == {
        ("veh-00123", "0x1F0"),
        ("veh-00123", "0x2"),
        ("other", "0x1F0"),
    }


def test_what_was_sent_and_not_accepted_is_in_the_manifest_as_sent_only():
    manifest = Manifest()
    sent = some_records(3)
    manifest.add_sent(sent)
    manifest.add_accepted(sent[1:2])
    ((_, timestamps),) = manifest.streams()
    assert timestamps.sent.tolist() == [record.timestamp_ms for record in sent]
    assert timestamps.accepted.tolist() == [sent[1].timestamp_ms]


def test_a_stream_of_which_nothing_was_accepted_is_in_the_manifest():
    manifest = Manifest()
    manifest.add_sent([a_record()])
    ((_, timestamps),) = manifest.streams()
    assert timestamps.accepted.tolist() == []


@given(st.lists(records(timestamps=st.integers(NOW - 5, NOW + 5)), max_size=30))
def test_each_identity_counts_once_and_in_order_however_often_it_was_sent(sent):
    manifest = Manifest()
    manifest.add_sent(sent)
    manifest.add_sent(reversed(sent))
    manifest.add_accepted(sent * 2)
    held = {
        (*stream, timestamp)
        for stream, timestamps in manifest.streams()
        for timestamp in timestamps.sent.tolist()
    }
    assert held == {identity(record) for record in sent}
    for _, timestamps in manifest.streams():
        assert (
            timestamps.sent.tolist() == sorted(set(timestamps.sent.tolist())) == timestamps.accepted.tolist()
        )


def test_identities_are_counted_once_however_often_they_were_sent():
    manifest = Manifest()
    assert manifest.count() == (0, 0)
    manifest.add_sent([*some_records(3), *some_records(2), a_record(vehicle_id="other")])
    manifest.add_accepted([*some_records(2), *some_records(1)])
    assert manifest.count() == (4, 2)


def test_the_hours_of_what_was_sent_come_each_once_and_in_order():
    manifest = Manifest()
    manifest.add_sent(
        [
            a_record(timestamp_ms=NOW + offset * HOUR_MS, vehicle_id=vehicle)
            for offset in (1, 0, -3)
            for vehicle in "ab"
        ]
    )
    assert manifest.hours() == [HOUR - 3, HOUR, HOUR + 1]


def test_a_count_remembers_no_record():
    count = Count()
    count.add_sent([a_record(), a_record(), a_record()])
    count.add_accepted(iter([a_record()]))
    assert count.count() == (3, 1)
    assert list(count.streams()) == []
