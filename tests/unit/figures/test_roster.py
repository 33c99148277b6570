"""Who was there before an hour, and what follows from that."""

from collections.abc import Mapping
from typing import Any

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp, start_ms
from telemetry.domain.figures import roster
from telemetry.domain.figures.certificate import Silence
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.rollup import VehicleFigures
from tests.builders import HOUR

START = start_ms(HOUR)
NOW = format_timestamp(START)


def a_stream(
    first_ms: int = START, last_ms: int = START, *, parked: bool | None = False, gaps: int = 0
) -> StreamCoverage:
    first, last = format_timestamp(first_ms), format_timestamp(last_ms)
    return StreamCoverage(1.0, 100, 90, gaps, 0.0, None, 0.0, 0.0, first, last, parked)


def a_vehicle(*streams: StreamCoverage) -> VehicleFigures:
    first, last = min(each.first for each in streams), max(each.last for each in streams)
    return VehicleFigures(1, first, last, {}, {f"0x{number}": each for number, each in enumerate(streams)})


def seen(vehicles: Mapping[str, VehicleFigures], absent: Mapping[str, Silence] | None = None) -> roster.Seen:
    """Read the roster from figures as they are stored."""
    stored: dict[str, Any] = {"vehicles": vehicles, "signals": {}, "certificate": None}
    if absent is not None:
        stored["certificate"] = {"state": "open", "wholeness": {"gaps": 0, "absent": absent}}
    return roster.decode(msgspec.json.encode(stored))


def test_the_vehicles_of_the_hour_before_are_known_and_whether_they_were_parked():
    before = seen({"a": a_vehicle(a_stream(parked=True)), "b": a_vehicle(a_stream())})
    assert roster.known(before, Hour(HOUR + 1)) == {
        "a": Silence(NOW, asleep=True),
        "b": Silence(NOW, asleep=False),
    }


def test_the_stream_that_reported_last_says_whether_a_vehicle_was_parked():
    early, late = a_stream(parked=True), a_stream(last_ms=START + 1)
    (silence,) = roster.known(seen({"a": a_vehicle(late, early)}), Hour(HOUR + 1)).values()
    assert silence == Silence(format_timestamp(START + 1), asleep=False)
    (unknown,) = roster.known(seen({"a": a_vehicle(a_stream(parked=None))}), Hour(HOUR + 1)).values()
    assert not unknown.asleep


def test_figures_of_earlier_versions_name_their_vehicles_too():
    before = roster.decode(msgspec.json.encode({"vehicles": {"a": {"count": 1, "first": NOW, "last": NOW}}}))
    assert roster.known(before, Hour(HOUR + 1)) == {"a": Silence(NOW, asleep=False)}


def test_those_that_were_absent_are_known_for_a_day_after_their_last_record():
    before = seen({}, {"a": Silence(NOW, asleep=True)})
    assert roster.known(before, Hour(HOUR + 24)) == {"a": Silence(NOW, asleep=True)}
    assert roster.known(before, Hour(HOUR + 25)) == {}
    assert roster.known(seen({"b": a_vehicle(a_stream())}), Hour(HOUR + 25)) == {}


def test_one_that_is_there_again_is_absent_no_longer():
    again = format_timestamp(START + HOUR_MS)
    vehicles = {"a": a_vehicle(a_stream(START + HOUR_MS, START + HOUR_MS, parked=True))}
    before = seen(vehicles, {"a": Silence(NOW, asleep=False)})
    assert roster.known(before, Hour(HOUR + 2)) == {"a": Silence(again, asleep=True)}


def test_the_time_before_its_first_record_counts_of_a_vehicle_that_was_known():
    late = a_vehicle(a_stream(START + 60_000, START + 120_000))
    before = {"awake": Silence(NOW, asleep=False), "asleep": Silence(NOW, asleep=True)}
    counted = roster.begun({"awake": late, "asleep": late, "new": late}, before, HOUR)
    assert {name: each.streams["0x0"].gaps for name, each in counted.items()} == {
        "awake": 1,
        "asleep": 0,
        "new": 0,
    }
    assert counted["asleep"].streams["0x0"].asleep_s == 60.0
    assert counted["new"] == late


def test_an_hour_sums_up_its_streams_and_names_who_is_absent():
    vehicles = {"a": a_vehicle(a_stream(gaps=2), a_stream(gaps=1)), "b": a_vehicle(a_stream())}
    before = {"a": Silence(NOW, asleep=False), "c": Silence(NOW, asleep=True)}
    whole = roster.wholeness(vehicles, before)
    assert (whole.expected, whole.missing, whole.missing_share) == (300, 30, 0.1)
    assert (whole.gaps, whole.vehicles_with_gaps, whole.absent) == (3, 1, {"c": before["c"]})


def test_an_absent_vehicle_that_is_not_asleep_counts_as_one_of_average_size():
    whole = roster.wholeness({"a": a_vehicle(a_stream())}, {"c": Silence(NOW, asleep=False)})
    assert whole.missing_share == (10 + 100) / 200


def test_where_all_are_absent_all_is_missing_and_where_nobody_was_nothing_is():
    assert roster.wholeness({}, {"c": Silence(NOW, asleep=False)}).missing_share == 1.0
    assert roster.wholeness({}, {"c": Silence(NOW, asleep=True)}).missing_share == 0.0
    assert roster.wholeness({}, {}).missing_share == 0.0
