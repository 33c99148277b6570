"""Frames as columns: how they are taken apart and grouped."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can import columns
from telemetry.domain.can.columns import Frames

ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 0x123, 0x7FF, 0x1FFFFFFF]), st.booleans(), st.integers(0, 2), st.integers(0, 64)
    )
)


def made(rows: list[tuple[int, bool, int, int]]) -> Frames:
    """Make frames, each of an id, extended or not, of a bus, and of a length."""
    count = len(rows)
    ids, extended, buses, lengths = zip(*rows, strict=True) if rows else ((), (), (), ())
    data = np.zeros((count, 64), np.uint8)
    for row, length in enumerate(lengths):
        data[row, :length] = row % 256
    return Frames(
        np.arange(count, dtype=np.int64),
        np.array(ids, np.uint32),
        np.array(extended, np.bool_),
        np.array(buses, np.uint16),
        np.zeros(count, np.bool_),
        np.array(lengths, np.uint8),
        data,
        ["can0", "can1", "can2"],
    )


@given(ROWS)
def test_every_frame_is_in_the_one_group_of_its_bus_id_and_length_in_order(rows):
    frames = made(rows)
    found = {}
    for group in columns.groups(frames):
        assert (np.diff(group.rows) > 0).all()
        block = columns.block(frames, group)
        for row, data in zip(group.rows.tolist(), map(bytes, block.data), strict=True):
            assert row not in found
            found[row] = (group.can_id, group.is_extended, int(group.bus[-1]), group.length)
            assert data == bytes([row % 256]) * group.length
    assert found == dict(enumerate(rows))


def test_some_frames_are_taken_with_all_that_belongs_to_them():
    frames = made([(1, False, 0, 8), (2, True, 1, 3), (3, False, 2, 0)])
    taken = frames.take(np.array([False, True, True]))
    assert taken.size == 2
    assert taken.ids.tolist() == [2, 3]
    assert taken.is_extended.tolist() == [True, False]
    assert [taken.names[bus] for bus in taken.buses] == ["can1", "can2"]
    assert taken.lengths.tolist() == [3, 0]
    assert taken.data[0, :4].tolist() == [1, 1, 1, 0]
    assert frames.take(slice(0, 1)).times_us.tolist() == [0]
