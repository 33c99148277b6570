"""What an hour holds of what its vehicles should have sent."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract.moment import HOUR_MS, format_timestamp, start_ms
from telemetry.domain.figures import coverage
from telemetry.domain.figures.coverage import Coverage, StreamCoverage
from telemetry.domain.figures.steps import Identity
from tests.builders import HOUR

START = start_ms(HOUR)
END = START + HOUR_MS
ONE = ("v", "0x1")

Rows = Mapping[Identity, Sequence[tuple[int, float]]]
"""Of each stream its records: milliseconds after the start of the hour, and current, NaN for none."""


def measured(rows: Rows) -> Coverage:
    """Measure streams that are given in the order of their names, each record with both of two signals."""
    counts = [len(each) for each in rows.values()]
    flat = [row for each in rows.values() for row in each]
    return coverage.of(
        np.array([START + offset for offset, _ in flat], np.int64),
        np.cumsum([0, *counts]),
        np.array([current for _, current in flat], np.float64),
        list(rows),
        2 * np.array(counts, np.int64),
        np.full(len(rows), 2),
        HOUR,
    )


def one(*rows: tuple[int, float]) -> StreamCoverage:
    return measured({ONE: rows})["v"]["0x1"]


def driven(*offsets: int, current: float = -20.0) -> StreamCoverage:
    return one(*((offset, current) for offset in offsets))


def every(period: int, start: int = 0, end: int = HOUR_MS) -> list[int]:
    return list(range(start, end, period))


def test_no_streams_have_no_coverage():
    assert measured({}) == {}


def test_a_whole_stream_has_what_is_expected_and_no_gap():
    assert driven(*every(1000)) == StreamCoverage(
        period_s=1.0,
        expected=3600,
        received=3600,
        gaps=0,
        longest_gap_s=0.0,
        longest_gap_from=None,
        asleep_s=0.0,
        unavailable=0.0,
        first=format_timestamp(START),
        last=format_timestamp(END - 1000),
        parked=False,
    )


def test_of_one_record_no_period_is_known_and_nothing_is_expected_beside_it():
    stream = driven(5)
    assert (stream.period_s, stream.expected, stream.received, stream.gaps) == (None, 1, 1, 0)
    assert stream.first == stream.last == format_timestamp(START + 5)


def test_a_gap_says_how_long_it_is_and_since_when_and_what_it_lost():
    stream = driven(*every(1000, end=60_000), *every(1000, start=90_000))
    assert (stream.gaps, stream.longest_gap_s) == (1, 31.0)
    assert stream.longest_gap_from == format_timestamp(START + 59_000)
    assert stream.expected - stream.received == 30


def test_of_two_gaps_of_one_length_the_first_is_named():
    stream = driven(0, 1000, 2000, 3000, 4000, 14_000, 15_000, 25_000, *every(1000, start=26_000))
    assert (stream.gaps, stream.longest_gap_s) == (2, 10.0)
    assert stream.longest_gap_from == format_timestamp(START + 4000)


def test_three_periods_are_no_gap_and_a_millisecond_more_is_one():
    assert driven(0, 1000, 2000, 5000, *every(1000, start=6000)).gaps == 0
    assert driven(0, 1000, 2000, 5001, *every(1000, start=6001)).gaps == 1


def test_the_time_to_the_end_of_the_hour_is_a_step_too():
    stream = driven(*every(1000, end=1_800_000))
    assert (stream.gaps, stream.longest_gap_s, stream.expected) == (1, 1801.0, 3600)
    assert stream.longest_gap_from == stream.last


def test_single_records_that_are_lost_are_missing_and_make_no_gap_and_no_longer_period():
    kept = [offset for offset in every(1000) if offset % 4000 != 2000]
    stream = driven(*kept)
    assert (stream.period_s, stream.gaps, stream.expected, stream.received) == (1.0, 0, 3600, 2700)


def test_the_share_of_values_that_are_not_available_is_that_of_all_signals_of_the_stream():
    timestamps = np.array([START, START + 1, START + 2])
    columns = timestamps, np.array([0, 2, 3]), np.full(3, np.nan), [ONE, ("w", "0x1")]
    found = coverage.of(*columns, np.array([3, 4]), np.array([2, 4]), HOUR)
    assert (found["v"]["0x1"].unavailable, found["w"]["0x1"].unavailable) == (0.25, 0.0)


def test_each_stream_of_each_vehicle_is_measured_by_itself():
    slow, fast = [(offset, math.nan) for offset in every(60_000)], [(0, 5.0), (100, 5.0)]
    found = measured({("a", "0x1"): slow, ("a", "0x2"): fast, ("b", "0x1"): fast})
    assert [list(streams) for streams in found.values()] == [["0x1", "0x2"], ["0x1"]]
    assert found["a"]["0x1"].gaps == 0
    assert found["a"]["0x2"] == found["b"]["0x1"]
    assert (found["b"]["0x1"].period_s, found["b"]["0x1"].gaps) == (0.1, 1)


# Sleep


def test_a_vehicle_that_was_parked_and_reports_again_slept_and_misses_nothing():
    stream = one(
        *((offset, 0.0) for offset in (0, 1000, 2000)), *((each, -9.0) for each in every(1000, 900_000))
    )
    assert (stream.gaps, stream.asleep_s, stream.expected) == (0, 898.0, stream.received)
    assert stream.parked is False


def test_a_vehicle_that_drove_before_its_gap_did_not_sleep():
    stream = one(
        *((offset, -9.0) for offset in (0, 1000, 2000)), *((each, 0.0) for each in every(1000, 900_000))
    )
    assert (stream.gaps, stream.longest_gap_s, stream.asleep_s) == (1, 898.0, 0.0)


def test_a_vehicle_that_was_parked_at_last_sleeps_to_the_end_of_the_hour():
    stream = driven(*every(1000, end=60_000), current=0.5)
    assert (stream.gaps, stream.asleep_s, stream.parked) == (0, 3541.0, True)


def test_without_any_current_nobody_sleeps():
    stream = driven(0, 1000, 2000, current=math.nan)
    assert (stream.gaps, stream.asleep_s, stream.parked) == (1, 0.0, None)


@pytest.mark.parametrize(("current", "is_parked"), [(0.0, True), (-1.0, True), (1.0, True), (1.1, False)])
def test_a_stream_without_a_current_takes_that_of_its_vehicle_at_that_time(current, is_parked):
    state = [(500, current), (2500, 50.0)]
    temperature = [(offset, math.nan) for offset in (0, 1000, 2000, 900_000)]
    found = measured({("v", "0x1"): temperature, ("v", "0x2"): state, ("w", "0x1"): [(0, 0.0)]})["v"]["0x1"]
    assert found.asleep_s == (898.0 if is_parked else 0.0)
    assert found.gaps == 2 - is_parked  # it drives until the end of the hour
    assert found.parked is False


def test_no_vehicle_takes_the_current_of_another_or_of_later():
    rows = [(offset, math.nan) for offset in (0, 1000, 2000)]
    found = measured({("a", "0x1"): [(0, 0.0)], ("b", "0x1"): rows, ("c", "0x1"): [(0, 0.0)]})
    assert (found["b"]["0x1"].gaps, found["b"]["0x1"].parked) == (1, None)
    later = measured({("b", "0x1"): rows, ("b", "0x2"): [(3000, 0.0)]})
    assert (later["b"]["0x1"].gaps, later["b"]["0x1"].parked) == (1, None)


# The time before the first record


def test_a_vehicle_that_was_driving_before_the_hour_misses_what_comes_before_its_first_record():
    late = driven(*every(1000, start=600_000))
    assert (late.gaps, late.expected) == (0, 3000)
    counted = coverage.begun(late, HOUR, parked=False)
    assert (counted.gaps, counted.longest_gap_s, counted.expected) == (1, 600.0, 3599)
    assert counted.longest_gap_from == format_timestamp(START)


def test_a_vehicle_that_was_parked_before_the_hour_slept_until_its_first_record():
    counted = coverage.begun(driven(*every(1000, start=600_000)), HOUR, parked=True)
    assert (counted.gaps, counted.asleep_s, counted.expected) == (0, 600.0, 3000)


def test_a_longer_gap_stays_the_longest():
    late = driven(*every(1000, start=600_000, end=1_800_000))
    counted = coverage.begun(late, HOUR, parked=False)
    assert (counted.gaps, counted.longest_gap_s, counted.longest_gap_from) == (
        2,
        1801.0,
        late.longest_gap_from,
    )


@pytest.mark.parametrize("parked", [True, False])
def test_what_begins_in_time_or_has_no_period_stays_as_it_is(parked):
    for stream in (driven(*every(1000, start=900)), driven(600_000)):
        assert coverage.begun(stream, HOUR, parked=parked) == stream


# Against a model in plain Python


def modelled(rows: Rows) -> Coverage:
    """Say the same record by record."""
    found: defaultdict[str, dict[str, StreamCoverage]] = defaultdict(dict)
    for vehicle_id, can_id in rows:
        found[vehicle_id][can_id] = modelled_stream(rows, (vehicle_id, can_id))
    return found


def modelled_stream(rows: Rows, name: Identity) -> StreamCoverage:
    offsets = [offset for offset, _ in rows[name]]
    inner = [later - earlier for earlier, later in pairwise(offsets)]
    period = median(step for step in inner if step <= 1.5 * median(inner)) if inner else math.inf
    steps = [(later - earlier, earlier) for earlier, later in pairwise([*offsets, HOUR_MS])]
    gaps = [(step, at) for step, at in steps if step > 3 * period and not is_parked(rows, name, at)]
    asleep = [step for step, at in steps if step > 3 * period and is_parked(rows, name, at)]
    lost = [
        round(step / period) - 1
        for step, at in steps
        if 3 * period >= step > 1.5 * period or (step, at) in gaps
    ]
    longest, since = max(gaps, key=lambda gap: (gap[0], -gap[1]), default=(0, 0))
    return StreamCoverage(
        period / 1000 if inner else None,
        len(offsets) + sum(lost),
        len(offsets),
        len(gaps),
        longest / 1000,
        format_timestamp(START + since) if gaps else None,
        sum(asleep) / 1000,
        0.0,
        format_timestamp(START + offsets[0]),
        format_timestamp(START + offsets[-1]),
        is_parked(rows, name, offsets[-1]),
    )


def is_parked(rows: Rows, name: Identity, at: int) -> bool | None:
    theirs = [row for other, others in rows.items() if other[0] == name[0] for row in others]
    known = [(offset, current) for offset, current in theirs if offset <= at and not math.isnan(current)]
    return abs(max(known)[1]) <= 1 if known else None


OFFSETS = st.integers(0, 30) | st.integers(0, HOUR_MS - 1)
# One current a vehicle and moment, so that two streams cannot disagree about it.
CURRENTS = st.sampled_from([math.nan, 0.0, 1.0, -20.0])
STREAMS = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["0x1", "0x2"])),
    st.sets(OFFSETS, min_size=1, max_size=12).map(sorted),
    min_size=1,
)


@given(STREAMS, st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), CURRENTS))
def test_it_says_what_a_model_says_that_looks_at_one_record_after_the_other(
    offsets: dict[Identity, list[int]], currents: dict[tuple[str, int], float]
):
    rows = {
        name: [(offset, currents.get((name[0], offset), math.nan)) for offset in offsets[name]]
        for name in sorted(offsets)
    }
    assert measured(rows) == modelled(rows)


# A fleet with gaps that are known


class Drive(NamedTuple):
    """What was received of a vehicle, in ms after the start of the hour, and the steps over its gaps."""

    received: npt.NDArray[np.int64]
    gaps: Sequence[tuple[int, int]]


def drive(rng: np.random.Generator) -> Drive:
    """Draw an hour with up to three gaps of 1 s to 30 min, 20 % jitter, and 5 % loss of single records."""
    period = int(rng.choice([100, 200, 250, 300]))
    nominal = np.arange(period, HOUR_MS, period)
    sent = nominal + np.rint(rng.uniform(-0.2, 0.2, nominal.size) * period).astype(np.int64)
    lengths = np.exp(rng.uniform(np.log(1_000), np.log(1_800_000), rng.integers(0, 4))).astype(np.int64)
    gaps = [
        (since, since + each) for each in lengths if (since := int(rng.integers(10 * period, HOUR_MS - 1000)))
    ]
    inside = np.zeros(nominal.size, bool)
    for since, until in gaps:
        inside |= (sent >= since) & (sent < until)
    lost = rng.random(nominal.size) < 0.05
    lost[1:] &= ~lost[:-1]  # two in a row are a gap of their own
    lost &= np.convolve(inside, np.ones(5), "same") == 0  # and so is one beside a gap's end
    lost[-2:] = False
    received = sent[~inside & ~lost]
    bounds = [*received.tolist(), HOUR_MS]
    after = {int(np.searchsorted(received, since)) for since, _ in gaps}
    return Drive(received, [(bounds[each - 1], bounds[each]) for each in sorted(after)])


def test_of_a_thousand_vehicles_with_jitter_and_loss_every_gap_is_found_and_none_is_invented():
    rng = np.random.default_rng(20251019)
    found_gaps = 0
    for group in range(20):
        drives = {f"v{group * 50 + number}": drive(rng) for number in range(50)}
        counts = np.array([each.received.size for each in drives.values()])
        found = coverage.of(
            START + np.concatenate([each.received for each in drives.values()]),
            np.cumsum([0, *counts]),
            np.full(counts.sum(), -20.0),
            [(vehicle_id, "0x1F0") for vehicle_id in drives],
            counts,
            np.ones(50, np.int64),
            HOUR,
        )
        for vehicle_id, (_, gaps) in drives.items():
            stream = found[vehicle_id]["0x1F0"]
            longest = max(gaps, key=lambda gap: gap[1] - gap[0], default=None)
            assert stream.gaps == len(gaps), vehicle_id
            assert stream.longest_gap_s == ((longest[1] - longest[0]) / 1000 if longest else 0)
            assert stream.longest_gap_from == (format_timestamp(START + longest[0]) if longest else None)
            found_gaps += stream.gaps
    assert found_gaps > 1000
