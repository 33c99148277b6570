"""What goes wrong on purpose, how often, and that each record is sent all the same."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import codec, parse
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.vehicle.mishap import Mishaps, Shares
from tests.builders import NOON, identity

ALL = Shares(offline=0.3, clock_skew=0.5, duplicates=0.2, reorder=0.3)


def measured(vehicles: int, samples: int) -> Sequence[Sequence[Record]]:
    return [
        [
            Record(NOON + 200 * sample, f"veh-{number}", "0x1F0", {"battery_soc": 50.0})
            for number in range(vehicles)
        ]
        for sample in range(samples)
    ]


def run(
    shares: Shares, vehicles: int = 10, samples: int = 200, seed: int = 1
) -> tuple[Mishaps, Sequence[Sequence[Record]]]:
    """Return the mishaps, and what was sent with each sample and last of all."""
    mishaps = Mishaps(shares, seed)
    sent = [mishaps.apply(records) for records in measured(vehicles, samples)]
    return mishaps, [*sent, mishaps.rest()]


def flat(sent: Sequence[Sequence[Record]]) -> Sequence[Record]:
    return [record for records in sent for record in records]


def test_nothing_goes_wrong_unless_it_is_asked_for():
    mishaps, sent = run(Shares())
    assert sent == [*measured(10, 200), []]
    assert mishaps.damaged == 0


@pytest.mark.parametrize("name", Shares.__struct_fields__)
def test_each_mishap_happens_when_it_is_asked_for_and_alike_for_one_seed(name):
    shares = Shares(**{name: 0.3})
    _, sent = run(shares)
    assert sent != [*measured(10, 200), []]
    assert sent == run(shares)[1]
    assert sent != run(shares, seed=2)[1]


@given(
    st.builds(
        Shares,
        offline=st.floats(0, 1),
        clock_skew=st.floats(0, 1),
        duplicates=st.floats(0, 1),
        reorder=st.floats(0, 1),
        corrupt=st.floats(0, 1),
    ),
    st.integers(0, 5),
)
def test_each_record_is_sent_once_or_twice_whatever_goes_wrong(shares, seed):
    _, sent = run(shares, vehicles=3, samples=40, seed=seed)
    times = Counter(identity(record) for record in flat(sent))
    assert len(times) == 3 * 40
    assert set(times.values()) <= {1, 2}


def test_a_vehicle_out_of_coverage_sends_what_it_held_in_order_once_it_is_back():
    _, sent = run(Shares(offline=0.5), vehicles=20, samples=500)
    for number in range(20):
        mine = [[each for each in records if each.vehicle_id == f"veh-{number}"] for records in sent]
        assert [record.timestamp_ms for record in flat(mine)] == [
            NOON + 200 * sample for sample in range(500)
        ]
    silent = sum(not any(each.vehicle_id == "veh-0" for each in records) for records in sent)
    assert silent > 50
    longest = max(Counter(each.vehicle_id for each in records).most_common(1)[0][1] for records in sent[:-1])
    assert longest > 20


def test_a_fleet_is_out_of_coverage_for_the_share_of_time_that_is_asked_for():
    _, sent = run(Shares(offline=0.25), vehicles=200, samples=2000)
    present = sum(len({record.vehicle_id for record in records}) for records in sent[:-1])
    assert present / (200 * 2000) == pytest.approx(0.75, abs=0.03)


def test_a_vehicle_that_is_never_in_coverage_sends_all_of_it_in_bursts():
    _, sent = run(Shares(offline=1), vehicles=1, samples=500)
    assert not sent[0]
    assert len(flat(sent)) == 500
    assert sum(map(bool, sent)) < 50


def test_a_wrong_clock_stays_wrong_by_as_much_and_half_of_them_beyond_belief():
    _, sent = run(Shares(clock_skew=0.5), vehicles=400, samples=3)
    offsets: dict[str, set[int]] = {}
    for sample, records in enumerate(sent):
        for record in records:
            offsets.setdefault(record.vehicle_id, set()).add(record.timestamp_ms - NOON - 200 * sample)
    assert all(len(each) == 1 for each in offsets.values())
    wrong = [offset for (offset,) in offsets.values() if offset]
    assert len(wrong) == pytest.approx(200, abs=40)
    policy = PartitionPolicy()
    believed = [policy.place(Record(NOON + each, "v", "0x1", {}, NOON)).tree == "raw" for each in wrong]
    assert believed.count(True) == pytest.approx(len(wrong) / 2, abs=30)
    assert all(abs(offset) <= 120_000 for offset, fine in zip(wrong, believed, strict=True) if fine)
    assert -NOON in wrong  # since 1970


def test_a_copy_is_sent_later_than_the_record():
    _, sent = run(Shares(duplicates=0.5), vehicles=10, samples=100)
    first = {identity(record): len(sent) for record in flat(sent)}
    copies = 0
    for number, records in enumerate(sent):
        assert len({identity(record) for record in records}) == len(records) or number == len(sent) - 1
        for record in records:
            copies += first[identity(record)] < number
            first[identity(record)] = min(first[identity(record)], number)
    assert copies == pytest.approx(500, abs=60)


def test_a_record_that_is_late_comes_after_those_that_were_measured_after_it():
    _, sent = run(Shares(reorder=0.3), vehicles=1, samples=300)
    timestamps = [record.timestamp_ms for record in flat(sent)]
    assert timestamps != sorted(timestamps)
    assert sorted(timestamps) == [NOON + 200 * sample for sample in range(300)]
    furthest = max(abs(place - (time - NOON) / 200) for place, time in enumerate(timestamps))
    assert 1 <= furthest <= 10


def test_each_damaged_record_is_refused_and_each_other_is_not():
    mishaps, sent = run(Shares(corrupt=0.3, offline=0.3, duplicates=0.3))
    parsed = parse.parse_lines(codec.encode_request(flat(sent)), NOON)
    assert len(parsed.rejected) == mishaps.damaged > 400
    assert len(parsed.records) == len(flat(sent)) - mishaps.damaged
    assert len({rejection.error for rejection in parsed.rejected}) == 5


def test_one_mishap_leaves_the_draws_of_the_others_as_they_are():
    _, alone = run(Shares(clock_skew=0.5))
    _, together = run(ALL)
    assert {identity(record) for record in flat(alone)} == {identity(record) for record in flat(together)}


def test_what_was_held_is_sent_once():
    mishaps, _ = run(ALL)
    assert not mishaps.rest()
