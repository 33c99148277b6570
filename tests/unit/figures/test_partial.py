"""What records add up to: the same whatever the split, and bounded in its names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.figures import adding, columns, copies, partial
from telemetry.domain.figures.columns import Stream
from telemetry.domain.figures.partial import Partial
from tests.unit.figures.test_columns import SIGNALS

STREAMS = st.tuples(st.sampled_from(["v1", "v2"]), st.sampled_from(["0x1", "0x2"]))
Rows = dict[tuple[Stream, int], dict[str, float]]

ROWS = st.dictionaries(st.tuples(STREAMS, st.integers(0, 20)), SIGNALS, max_size=25)


def partial_of(rows: Rows, max_names: int = partial.MAX_NAMES) -> Partial:
    offsets = np.array([offset for _, offset in rows], np.int32)
    made = columns.of_fields(
        [stream for stream, _ in rows], offsets, offsets.astype(np.int64), list(rows.values())
    )
    return Partial.of(copies.unique(made.sort()), max_names)


def told(found: Partial) -> object:
    """Return all that a partial result says."""
    entries = found.entries
    return (
        found.streams,
        [found.records.tolist(), found.first.tolist(), found.last.tolist(), found.left_out.tolist()],
        [found.names[name] for name in entries.name.tolist()],
        [found.streams[stream] for stream in entries.stream.tolist()],
        [entries.count.tolist(), entries.low.tolist(), entries.high.tolist()],
        entries.sums.means(entries.count),
    )


@given(ROWS, st.data(), st.sampled_from([1, 2, 4, 1000]))
def test_no_split_changes_what_records_add_up_to(rows, data, max_names):
    parts: list[Rows] = [{}, {}, {}]
    for key, payload in rows.items():
        parts[data.draw(st.integers(0, 2))][key] = payload
    merged = Partial.merge([partial_of(part, max_names) for part in parts], max_names)
    assert told(merged) == told(partial_of(rows, max_names))


@given(ROWS, st.integers(1, 5))
def test_no_size_of_the_blocks_that_are_added_up_at_once_changes_a_sum(rows, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adding, "_BLOCK", block)
        found = partial_of(rows)
    assert told(found) == told(partial_of(rows))


@given(ROWS)
def test_each_stream_has_its_records_its_ends_and_its_signals(rows):
    found = partial_of(rows)
    by_stream: dict[Stream, list[tuple[int, dict[str, float]]]] = {}
    for (stream, offset), payload in rows.items():
        by_stream.setdefault(stream, []).append((offset, payload))
    assert found.streams == sorted(by_stream)
    assert found.records.tolist() == [len(by_stream[stream]) for stream in found.streams]
    assert found.first.tolist() == [min(by_stream[stream])[0] for stream in found.streams] if rows else True
    entries = found.entries
    for place, stream in enumerate(entries.stream.tolist()):
        name = found.names[entries.name[place]]
        values = [payload[name] for _, payload in by_stream[found.streams[stream]] if name in payload]
        assert (entries.count[place], entries.low[place], entries.high[place]) == (
            len(values),
            min(values),
            max(values),
        )


def test_signals_beyond_the_bound_are_counted_and_those_that_come_first_by_name_are_kept():
    stream, other = ("v1", "0x1"), ("v1", "0x2")
    found = partial_of(
        {(stream, 0): {"b": 1.0, "c": 2.0}, (stream, 1): {"a": 3.0, "c": 4.0}, (other, 0): {"z": 1.0}}, 2
    )
    assert [found.names[each] for each in found.entries.name.tolist()] == ["a", "b", "z"]
    assert found.left_out.tolist() == [2, 0]
    assert found.names == ["a", "b", "z"]


def test_the_streams_of_a_vehicle_add_up():
    found = partial_of(
        {(("v1", "0x1"), 5): {"a": 1.0}, (("v1", "0x2"), 2): {"a": 3.0, "b": 1.0}, (("v2", "0x1"), 3): {}}
    ).by_vehicle()
    assert found.streams == [("v1", ""), ("v2", "")]
    assert (found.records.tolist(), found.first.tolist(), found.last.tolist()) == ([2, 1], [2, 3], [5, 3])
    assert (found.entries.count.tolist(), found.entries.sums.means(found.entries.count)) == (
        [2, 1],
        [2.0, 1.0],
    )
