"""Parcels: what they hold, and how they are grouped."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import codec
from telemetry.domain.contract.partition import Partition
from telemetry.domain.transport.parcel import Parcel, group
from tests.builders import HOUR, NOW, PLACE, a_record, numbers
from tests.unit.transport.parcels import parcels_of


@given(st.lists(numbers(), min_size=1, max_size=20))
def test_a_parcel_holds_records_as_the_raw_store_does(values):
    sent = [a_record(payload={"x": value}, timestamp_ms=NOW + place) for place, value in enumerate(values)]
    parcel = Parcel.of(PLACE, sent)
    assert parcel.lines == codec.encode_lines(sent)
    assert parcel.count == len(sent)


@given(
    st.lists(parcels_of(st.sampled_from([PLACE, Partition("skewed", HOUR), Partition("raw", HOUR, 1)]))),
    st.data(),
)
def test_groups_keep_order_exceed_no_limit_and_are_of_one_partition_each(parcels, data):
    limit = data.draw(st.integers(0, 500))
    groups = [list(each) for each in group(parcels, limit)]
    for each in groups:
        assert len({parcel.partition for parcel in each}) == 1
        assert sum(parcel.size for parcel in each) <= limit or len(each) == 1
    for place in {parcel.partition for parcel in parcels}:
        expected = [id(parcel) for parcel in parcels if parcel.partition == place]
        found = [id(parcel) for each in groups for parcel in each if parcel.partition == place]
        assert found == expected
