"""What an hour adds up to as bytes."""

from hypothesis import given

from telemetry.domain.figures import state
from telemetry.domain.figures.coverage import StreamCoverage
from telemetry.domain.figures.state import RunInfo, State
from telemetry.domain.store.objects import LineFaults
from tests.unit.figures.test_partial import ROWS, partial_of, told

COVERAGE = StreamCoverage(
    1.0, 3, 2, 1, 2.0, "2025-10-19T14:30:00.000Z", 0.0, 0.5, "first", "last", parked=True
)


@given(ROWS)
def test_what_an_hour_adds_up_to_comes_back(rows):
    partial = partial_of(rows)
    coverage = {vehicle_id: {can_id: COVERAGE} for vehicle_id, can_id in partial.streams}
    runs = [RunInfo("1/run", {"a": LineFaults(), "b": LineFaults(2, "line 3: why")}, 9, 0, 7)]
    made = State(runs, partial, coverage)
    found = state.unpack(memoryview(state.pack(made)))
    assert told(found.partial) == told(partial)
    assert (found.runs, found.coverage, found.objects) == (runs, coverage, runs[0].objects)
