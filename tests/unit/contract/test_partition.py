"""Which partition a record goes to, and the path of a partition."""

import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from tests.builders import FIRST_MS, HOUR, LAST_MS, NOW, a_record, records
from tests.unit.contract.parsing import SHORT

DAY = 24 * HOUR_MS
PARTITIONS = st.builds(
    Partition,
    tree=st.sampled_from(["raw", "skewed"]),
    hour=st.integers(FIRST_MS // HOUR_MS, LAST_MS // HOUR_MS),
    bucket=st.none() | st.integers(0, 9999),
)
PATH = "raw/year=2025/month=10/day=19/hour=14"


@given(PARTITIONS)
def test_a_path_reads_back_as_its_partition(place):
    assert partition.parse_path(place.path) == place
    assert partition.parse_path(f"{place.path}/batch-1-0123456789abcdef.jsonl") == place


def test_a_path_is_written_as_folders():
    assert Partition("raw", HOUR).path == PATH
    assert Partition("skewed", HOUR, 7).path == PATH.replace("raw", "skewed") + "/bucket=07"
    assert Partition("raw", HOUR, 123).path == PATH + "/bucket=123"
    assert Partition("raw", Hour(FIRST_MS // HOUR_MS)).path == "raw/year=0001/month=01/day=01/hour=00"
    assert Partition("raw", Hour(-1)).path == "raw/year=1969/month=12/day=31/hour=23"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "raw",
        "/" + PATH,
        "../" + PATH,
        "quarantine" + PATH.removeprefix("raw"),
        PATH.removesuffix("/hour=14"),
        PATH + "0",
        PATH + "x",
        PATH + "\n",
        PATH + "..",
        PATH.replace("2025", "225"),
        PATH.replace("2025", "0000"),
        PATH.replace("10", "13"),
        PATH.replace("10", "1"),
        PATH.replace("19", "00"),
        PATH.replace("month=10/day=19", "month=02/day=29"),
        PATH.replace("14", "24"),
        PATH.replace("14", "-1"),
        PATH.replace("2025", "\u0662\u0660\u0662\u0665"),
        PATH + "/bucket=00001x",
        "x" * 10_000_000,
    ],
    ids=lambda path: path[-40:],
)
def test_what_is_no_path_of_a_partition_is_refused_briefly(path):
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the calendar has texts of its own
        partition.parse_path(path)
    assert len(str(refusal.value)) < SHORT


@pytest.mark.parametrize("bucket", ["", "1", "007", "0123", "12345", "\u0660\u0661", "-1", "05/bucket=06"])
def test_a_bucket_is_written_in_one_form(bucket):
    with pytest.raises(ValueError, match="is not the path of a partition"):
        partition.parse_path(f"{PATH}/bucket={bucket}/batch.jsonl")


# Where a record goes


@given(
    records(timestamps=st.integers(NOW - 400 * DAY, NOW + 400 * DAY)),
    st.integers(1, 100),
    st.data(),
)
def test_every_copy_of_a_record_goes_to_the_same_partition_whenever_it_is_received(record, buckets, data):
    policy = PartitionPolicy(buckets=buckets)
    delays = st.integers(-policy.future_ms, policy.past_ms)
    copies = [
        msgspec.structs.replace(record, received_ms=record.timestamp_ms + delay)
        for delay in data.draw(st.lists(delays, min_size=1, max_size=5))
    ]
    places = {policy.place(copy) for copy in copies}
    assert {(place.tree, place.hour) for place in places} == {("raw", record.timestamp_ms // HOUR_MS)}
    assert len(places) == 1


@pytest.mark.parametrize(
    ("skew_ms", "tree"),
    [
        (0, "raw"),
        (5 * 60_000, "raw"),
        (5 * 60_000 + 1, "skewed"),
        (-7 * DAY, "raw"),
        (-7 * DAY - 1, "skewed"),
        (LAST_MS - NOW, "skewed"),
        (FIRST_MS - NOW, "skewed"),
    ],
)
def test_a_clock_is_believed_for_seven_days_back_and_five_minutes_ahead_both_included(skew_ms, tree):
    place = PartitionPolicy().place(a_record(timestamp_ms=NOW + skew_ms, received_ms=NOW))
    assert place == Partition(tree, hour_of(NOW + skew_ms if tree == "raw" else NOW))


def test_how_far_a_clock_is_believed_can_be_set():
    policy = PartitionPolicy(past_ms=10, future_ms=20)
    trees = [
        policy.place(a_record(timestamp_ms=NOW + skew, received_ms=NOW)).tree for skew in (-11, -10, 20, 21)
    ]
    assert trees == ["skewed", "raw", "raw", "skewed"]


@given(records(), st.integers(2, 1000))
def test_a_bucket_lies_within_its_number_and_follows_from_the_vehicle_alone(record, buckets):
    place = PartitionPolicy(buckets=buckets).place(record)
    assert place.bucket is not None
    assert 0 <= place.bucket < buckets
    other = a_record(vehicle_id=record.vehicle_id)
    assert PartitionPolicy(buckets=buckets).place(other).bucket == place.bucket
    assert partition.parse_path(place.path) == place


def test_a_skewed_record_has_a_bucket_too():
    assert (
        PartitionPolicy(buckets=8)
        .place(a_record(received_ms=NOW - DAY))
        .path.startswith("skewed/year=2025/month=10/day=18/")
    )
    assert "/bucket=0" in PartitionPolicy(buckets=8).place(a_record(received_ms=NOW - DAY)).path


def test_without_buckets_there_is_no_level_for_them():
    assert PartitionPolicy(buckets=1).place(a_record()).path == PATH


def test_buckets_are_the_same_in_every_process():
    vehicles = [f"veh-{number}" for number in range(50)]
    here = [PartitionPolicy(buckets=16).place(a_record(vehicle_id=vehicle)).bucket for vehicle in vehicles]
    program = (
        "from telemetry.domain.contract.partition import _bucket\n"
        "print([_bucket(f'veh-{number}', 16) for number in range(50)])"
    )
    there = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == str(here)


def test_buckets_are_filled_alike():
    policy = PartitionPolicy(buckets=10)
    filled = [policy.place(a_record(vehicle_id=f"veh-{number:05d}")).bucket for number in range(10_000)]
    assert all(800 < filled.count(bucket) < 1200 for bucket in range(10))


@given(st.lists(st.integers(-10 * DAY, DAY) | st.sampled_from([-7 * DAY, 300_000, 0])), st.integers(1, 3))
def test_the_records_of_a_body_are_sorted_as_each_is_placed(ages, buckets):
    policy = PartitionPolicy(buckets=buckets)
    body = [
        a_record(timestamp_ms=NOW + age, received_ms=NOW, vehicle_id=f"veh-{n}")
        for n, age in enumerate(ages, 1)
    ]
    if body:
        sorted_records = policy.group(body)
        assert {partition: list(members) for partition, members in sorted_records.items()} == {
            partition: [record for record in body if policy.place(record) == partition]
            for partition in {policy.place(record): None for record in body}
        }
