"""What lines add up to: each record once, and the same figures in whatever order they come."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.rollup import Figures, Rollup, SignalFigures
from tests.builders import HOUR, NOW, a_record, identity, payloads, some_records

START = start_ms(HOUR)
HUGE = 1.7976931348623157e308

# Few moments, so that records meet: in their identity, in the time of their receipt, in both.
RECORDS = st.builds(
    Record,
    timestamp_ms=st.integers(NOW, NOW + 3),
    vehicle_id=st.sampled_from(["a", "b"]),
    can_id=st.sampled_from(["0x1", "0x2"]),
    payload=payloads(),
    received_ms=st.integers(NOW, NOW + 2),
)
FOREIGN_LINES = st.sampled_from(
    [
        b"",
        b"{",
        b"\xff",
        codec.encode_lines([a_record(timestamp_ms=NOW + HOUR_MS)]),
        codec.encode_lines([a_record(timestamp_ms=0)]),
    ]
)
LINES = st.lists(RECORDS.map(lambda record: codec.encode_lines([record])) | FOREIGN_LINES, max_size=25)


def content_of(lines: Sequence[bytes]) -> bytes:
    return b"".join(line.rstrip(b"\n") + b"\n" for line in lines)


def rolled(lines: Sequence[bytes]) -> Rollup:
    rollup = Rollup(HOUR)
    rollup.add(content_of(lines))
    return rollup


def figures_of(*records: Record, hour: int = HOUR) -> Figures:
    rollup = Rollup(Hour(hour))
    rollup.add(codec.encode_lines(records))
    return rollup.figures()


def encoded(rollup: Rollup) -> bytes:
    return msgspec.json.encode(rollup.figures())


# An oracle in plain Python: what the figures of an hour are, counted in another way.


def sort_key(record: Record, names: list[str]) -> list[float]:
    """Order the copies of a record by receipt, then by values in the order of names, absent ones last."""
    return [record.received_ms, *(record.payload.get(name, math.inf) for name in names)]


def expected_figures(lines: Sequence[bytes]) -> Figures:
    copies: defaultdict[tuple[str, str, int], list[Record]] = defaultdict(list)
    refused = 0
    for line in lines:
        try:
            record = codec.decode_line(line)
        except ValueError:
            refused += 1
            continue
        if record.timestamp_ms // HOUR_MS == HOUR:
            copies[identity(record)].append(record)
        else:
            refused += 1
    names = sorted({name for found in copies.values() for record in found for name in record.payload})
    chosen = {each: min(found, key=lambda record: sort_key(record, names)) for each, found in copies.items()}
    unique = list(chosen.values())
    conflicting = sum(
        record.payload != chosen[each].payload for each, found in copies.items() for record in found
    )
    records = sum(map(len, copies.values()))
    vehicles = {}
    for vehicle_id in sorted({record.vehicle_id for record in unique}):
        ours = [record for record in unique if record.vehicle_id == vehicle_id]
        signals = {}
        for name in names:
            values = [record.payload[name] for record in ours if name in record.payload]
            if values:
                average = float(sum(map(Fraction, values)) / len(values))
                signals[name] = SignalFigures(len(values), min(values), max(values), average)
        first, last = min(r.timestamp_ms for r in ours), max(r.timestamp_ms for r in ours)
        vehicles[vehicle_id] = {
            "count": len(ours),
            "first": format_timestamp(first),
            "last": format_timestamp(last),
            "signals": signals,
        }
    whole = {
        "records": records,
        "unique": len(unique),
        "duplicates": records - len(unique),
        "refused": refused,
        "conflicting": conflicting,
        "vehicles": vehicles,
    }
    return msgspec.convert(msgspec.to_builtins(whole), Figures)


def check_like(found: Figures, expected: Figures) -> None:
    """Compare everything exactly but averages, which differ by their last rounding, and coverage."""
    for vehicle_id, vehicle in expected.vehicles.items():
        for name, signal in vehicle.signals.items():
            average = found.vehicles[vehicle_id].signals[name].avg
            assert math.isclose(average, signal.avg, rel_tol=1e-15, abs_tol=1e-323)
    without_averages = [json.loads(msgspec.json.encode(figures)) for figures in (found, expected)]
    for figures in without_averages:
        for vehicle in figures["vehicles"].values():
            del vehicle["streams"]
            for signal in vehicle["signals"].values():
                del signal["avg"]
    assert without_averages[0] == without_averages[1]


@given(LINES)
def test_figures_equal_a_naive_count(lines):
    check_like(rolled(lines).figures(), expected_figures(lines))


def test_each_stream_of_a_vehicle_says_how_whole_it_is():
    once = [a_record(timestamp_ms=START + 1000 * second) for second in (0, 1, 2, 10)]
    other = a_record(timestamp_ms=START, can_id="0x2", payload={"x": 1.0})
    (vehicle,) = figures_of(*once, *once, other).vehicles.values()
    assert list(vehicle.streams) == ["0x1F0", "0x2"]
    stream = vehicle.streams["0x1F0"]
    assert (stream.received, stream.period_s, stream.gaps, stream.parked) == (4, 1.0, 2, False)
    assert vehicle.streams["0x2"].received == 1


def test_signals_that_some_records_of_a_stream_lack_are_not_available_in_them():
    (vehicle,) = figures_of(
        a_record(payload={"x": 1.0, "y": 1.0}), a_record(timestamp_ms=NOW + 1, payload={"x": 1.0})
    ).vehicles.values()
    assert vehicle.streams["0x1F0"].unavailable == 0.25


@given(LINES, st.data())
def test_no_order_of_arrival_changes_a_byte(lines, data):
    assert encoded(rolled(data.draw(st.permutations(lines)))) == encoded(rolled(lines))


@given(LINES, st.data())
def test_no_place_of_a_split_and_no_order_of_merging_changes_a_byte(lines, data):
    shuffled = data.draw(st.permutations(lines))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=4)))
    bounds = [0, *cuts, len(lines)]
    parts = [rolled(shuffled[start:end]) for start, end in pairwise(bounds)]
    whole, *others = data.draw(st.permutations(parts))
    for other in others:
        whole.merge(other)
    assert encoded(whole) == encoded(rolled(lines))


@given(LINES, LINES)
def test_lines_may_be_added_after_merging(lines, more):
    whole = rolled(lines)
    whole.merge(rolled(more))
    whole.add(content_of(lines))
    assert encoded(whole) == encoded(rolled([*lines, *more, *lines]))


@given(LINES)
def test_looking_at_the_figures_does_not_change_them(lines):
    rollup = rolled(lines)
    assert encoded(rollup) == encoded(rollup)


@given(LINES)
def test_duplicates_count_once_however_many_there_are(lines):
    once, thrice = rolled(lines).figures(), rolled(lines * 3).figures()
    assert thrice.vehicles == once.vehicles
    assert thrice.unique == once.unique
    assert thrice.duplicates == 3 * once.records - once.unique
    assert thrice.refused == 3 * once.refused


@given(st.lists(RECORDS, min_size=1, max_size=25))
def test_min_avg_and_max_are_in_their_order(records):
    for vehicle in figures_of(*records).vehicles.values():
        for signal in vehicle.signals.values():
            assert signal.min <= signal.avg <= signal.max


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 100))
@example(HUGE, 3)
@example(-HUGE, 6)
@example(5e-324, 3)
@example(0.1, 3)
def test_equal_values_are_their_own_average(value, count):
    figures = figures_of(*(a_record(timestamp_ms=NOW + n, payload={"x": value}) for n in range(count)))
    assert figures.vehicles["veh-00123"].signals["x"] == SignalFigures(count, value, value, value)


@given(st.lists(st.sampled_from([HUGE, -HUGE, HUGE / 2, 1e300, -1e308, 0.0, 1.0]), min_size=1, max_size=40))
def test_huge_values_do_not_overflow(values):
    figures = figures_of(
        *(a_record(timestamp_ms=NOW + n, payload={"x": value}) for n, value in enumerate(values))
    )
    average = float(sum(map(Fraction, values)) / len(values))
    found = figures.vehicles["veh-00123"].signals["x"].avg
    assert math.isclose(found, average, rel_tol=1e-15, abs_tol=1e-300)


def test_a_sum_that_cancels_out_loses_no_digit():
    values = [1e16, 1.0, -1e16] * 10
    figures = figures_of(
        *(a_record(timestamp_ms=NOW + n, payload={"x": value}) for n, value in enumerate(values))
    )
    assert figures.vehicles["veh-00123"].signals["x"].avg == 1 / 3


# What counts


def test_of_two_copies_the_one_received_first_counts():
    late, early = (
        a_record(payload={"x": 1.0}, received_ms=NOW + 9),
        a_record(payload={"x": 2.0}, received_ms=NOW + 8),
    )
    for records in ((late, early), (early, late)):
        figures = figures_of(*records)
        assert figures.vehicles["veh-00123"].signals == {"x": SignalFigures(1, 2.0, 2.0, 2.0)}
        assert (figures.records, figures.unique, figures.duplicates) == (2, 1, 1)


def test_a_copy_that_does_not_count_leaves_no_signal_behind():
    figures = figures_of(a_record(payload={"x": 1.0}), a_record(payload={"y": 1.0}, received_ms=NOW + 900))
    assert set(figures.vehicles["veh-00123"].signals) == {"x"}


def test_of_copies_received_in_one_millisecond_the_one_with_the_lowest_values_counts():
    for payloads_of_copies in ([{"x": 2.0}, {"x": 1.0}], [{"x": 1.0}, {"x": 2.0}]):
        figures = figures_of(*(a_record(payload=payload) for payload in payloads_of_copies))
        assert figures.vehicles["veh-00123"].signals["x"].min == 1.0


def test_copies_that_differ_from_the_one_that_counts_are_conflicting():
    figures = figures_of(
        a_record(payload={"x": 1.0}),
        a_record(payload={"x": 1.0}, received_ms=NOW + 900),
        a_record(payload={"x": 2.0}, received_ms=NOW + 900),
        a_record(payload={"x": 1.0, "y": 1.0}, received_ms=NOW + 900),
    )
    assert (figures.unique, figures.duplicates, figures.conflicting) == (1, 3, 2)


def test_signals_that_few_records_have_tell_copies_apart_too():
    others = some_records(9, NOW + 1000, payload={"x": 1.0})
    rare = [a_record(payload={"x": 1.0, "rare": value}) for value in (2.0, 1.0, 1.0)]
    figures = figures_of(*others, *rare)
    assert (figures.duplicates, figures.conflicting) == (2, 1)
    assert figures.vehicles["veh-00123"].signals["rare"] == SignalFigures(1, 1.0, 1.0, 1.0)


def test_minus_zero_and_zero_are_one_value():
    rollups = [rolled([codec.encode_lines([a_record(payload={"x": zero})])]) for zero in (0.0, -0.0)]
    assert encoded(rollups[0]) == encoded(rollups[1])


def test_one_moment_on_two_can_ids_is_two_records_of_one_vehicle():
    figures = figures_of(a_record(payload={"x": 1.0}), a_record(can_id="0x2", payload={"x": 3.0}))
    assert figures.unique == figures.vehicles["veh-00123"].count == 2
    assert figures.vehicles["veh-00123"].signals["x"] == SignalFigures(2, 1.0, 3.0, 2.0)


def test_a_signal_that_comes_and_goes_counts_where_it_is():
    records = some_records(6)
    with_x = [
        a_record(timestamp_ms=r.timestamp_ms, payload={"x": float(n)}) for n, r in enumerate(records[::2])
    ]
    with_y = [
        a_record(timestamp_ms=r.timestamp_ms, payload={"y": float(n)}) for n, r in enumerate(records[1::2])
    ]
    signals = figures_of(*with_x, *with_y).vehicles["veh-00123"].signals
    assert signals == {"x": SignalFigures(3, 0.0, 2.0, 1.0), "y": SignalFigures(3, 0.0, 2.0, 1.0)}


def test_vehicles_and_signals_are_in_the_order_of_their_names():
    records = [a_record(vehicle_id=v, payload={"b": 1.0, "a": 1.0, "c": 1.0}) for v in ("v2", "v10", "v1")]
    figures = figures_of(*records)
    assert list(figures.vehicles) == ["v1", "v10", "v2"]
    assert list(figures.vehicles["v1"].signals) == ["a", "b", "c"]


def test_first_and_last_are_moments_of_the_vehicles_own_clock():
    vehicle = figures_of(*some_records(3)).vehicles["veh-00123"]
    assert (vehicle.first, vehicle.last) == ("2025-10-19T14:30:00.000Z", "2025-10-19T14:30:00.400Z")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 20_000,
        codec.encode_lines([a_record(timestamp_ms=HOUR * HOUR_MS - 1)]),
        codec.encode_lines([a_record(timestamp_ms=(HOUR + 1) * HOUR_MS)]),
        codec.encode_lines([a_record()]).replace(b".200Z", b".200"),
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_line_that_is_no_record_of_this_hour_is_counted_as_refused(line):
    figures = rolled([line, codec.encode_lines([a_record()])]).figures()
    assert (figures.refused, figures.records) == (1, 1)


@pytest.mark.parametrize("offset", [0, HOUR_MS - 1])
def test_an_hour_has_its_first_and_its_last_millisecond(offset):
    assert figures_of(a_record(timestamp_ms=HOUR * HOUR_MS + offset)).unique == 1


def test_an_hour_without_lines_has_empty_figures():
    assert Rollup(HOUR).figures() == Figures(0, 0, 0, 0, {})


def test_a_record_without_signals_counts_as_a_record():
    line = codec.encode_lines([a_record(payload={"x": 1.0})]).replace(b'{"x":1.0}', b"{}")
    figures = rolled([line]).figures()
    assert (figures.unique, figures.vehicles["veh-00123"].signals) == (1, {})


def test_the_last_millisecond_before_1970_is_a_moment_like_any_other():
    figures = figures_of(a_record(timestamp_ms=-1), a_record(timestamp_ms=-1), hour=-1)
    assert (figures.unique, figures.duplicates) == (1, 1)


def test_identity_is_vehicle_can_id_and_millisecond_alone():
    one = a_record()
    others = [a_record(vehicle_id="another"), a_record(can_id="0x2"), a_record(timestamp_ms=NOW + 1)]
    assert figures_of(one, a_record(payload={"x": 1.0}, received_ms=0)).unique == 1
    assert figures_of(one, *others).unique == 4
