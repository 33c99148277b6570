"""What readers are told of an hour, and whether it is what they require."""

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour, start_ms
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import require
from telemetry.domain.figures.report import MOST_VEHICLES, Hours, Line
from telemetry.domain.figures.require import Requirement
from telemetry.domain.store import objects
from tests.builders import HOUR, NOW, a_record, put_batch
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.figures.watching import SteppedAggregator


@pytest.fixture
def stepped() -> SteppedAggregator:
    clock = ManualClock(NOW)
    return SteppedAggregator(FailingStorage(clock), clock, FailingQueue(clock))


def batch(*seconds: int, vehicle_id: str = "v") -> list[Record]:
    return [a_record(vehicle_id=vehicle_id, timestamp_ms=NOW + 1000 * each) for each in seconds]


def let_end(stepped: SteppedAggregator) -> None:
    """Move the clock to the end of the hour, from which on its streams are measured."""
    stepped.clock.advance((start_ms(Hour(HOUR + 1)) - stepped.clock.wall_ms()) / 1000)


async def line_of(stepped: SteppedAggregator) -> Line:
    line = await Hours(stepped.storage).line(HOUR)
    assert line
    return line


async def test_an_hour_has_a_line_once_it_is_certified(stepped):
    hours = Hours(stepped.storage)
    assert await hours.line(HOUR) is None
    assert await hours.report(HOUR) is None
    await put_batch(stepped.storage, *batch(0, 1, 2, 60))
    await put_batch(stepped.storage, *batch(0))
    let_end(stepped)
    await stepped.turns()
    line = await line_of(stepped)
    assert (line.hour, line.state, line.revision) == ("2025-10-19T14:00:00.000Z", "open", 1)
    assert (line.records, line.unique, line.duplicates, line.vehicles, line.gaps) == (5, 4, 1, 1, 2)
    assert [each async for each in hours.lines([Hour(HOUR - 1), HOUR, Hour(HOUR + 1)])] == [line]


async def test_nothing_is_said_of_what_is_missing_before_an_hour_is_over(stepped):
    await put_batch(stepped.storage, *batch(0, 1, 2, 60))
    await stepped.turns()
    line = await line_of(stepped)
    assert (line.is_measured, line.gaps, line.expected) == (False, 0, 0)
    let_end(stepped)
    await put_batch(stepped.storage, *batch(61))
    await stepped.turns()
    line = await line_of(stepped)
    assert (line.is_measured, line.gaps, line.expected) == (True, 2, 1800)


async def test_a_report_names_the_vehicles_with_gaps_and_those_that_are_absent(stepped):
    before = NOW - HOUR_MS
    await put_batch(stepped.storage, a_record(vehicle_id="gone", timestamp_ms=before, received_ms=before))
    await put_batch(stepped.storage, *batch(0, 1, 2, vehicle_id="gaps"), *batch(0, vehicle_id="single"))
    let_end(stepped)
    await stepped.turns()
    report = await Hours(stepped.storage).report(HOUR)
    assert report
    assert report.line == await line_of(stepped)
    assert list(report.with_gaps) == ["gaps"]
    assert report.with_gaps["gaps"]["0x1F0"].gaps == 1
    assert list(report.absent) == ["gone"]
    assert (report.changed.records, len(report.history)) == (4, 1)


async def test_a_report_is_bounded_whatever_the_size_of_the_fleet(stepped):
    fleet = [
        record for each in range(MOST_VEHICLES + 1) for record in batch(0, 1, 2, vehicle_id=f"v{each:04}")
    ]
    await put_batch(stepped.storage, *fleet)
    let_end(stepped)
    await stepped.turns()
    report = await Hours(stepped.storage).report(HOUR)
    assert report
    assert (len(report.with_gaps), report.line.vehicles_with_gaps) == (MOST_VEHICLES, MOST_VEHICLES + 1)
    assert len(msgspec.json.encode(report)) < 1_000_000


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"hour":"x","vehicles":{}}'])
async def test_figures_that_cannot_be_read_or_are_of_earlier_versions_have_no_line(stepped, content: bytes):
    await stepped.storage.put(objects.aggregated_key(HOUR), content)
    assert await Hours(stepped.storage).line(HOUR) is None


# Requirements


@pytest.mark.parametrize(
    ("text", "share"), [("complete", None), (" complete ", None), ("gaps<1%", 0.01), ("gaps < 0.5 %", 0.005)]
)
def test_a_requirement_is_complete_or_a_bound_on_what_is_missing(text, share):
    assert require.parse(text) == Requirement(share)


@pytest.mark.parametrize("text", ["", "whole", "gaps<", "gaps<1", "gaps>1%", "gaps<-1%", "gaps<1%,complete"])
def test_anything_else_is_refused_by_what_may_be(text):
    with pytest.raises(ValueError, match="neither complete nor a bound like gaps<1%"):
        require.parse(text)


async def test_an_hour_that_is_not_complete_is_waited_for_and_says_why(stepped):
    assert Requirement().outcome(None) == ("wait", "there are no figures of it")
    await put_batch(stepped.storage, *batch(0))
    await stepped.turns()
    line = await line_of(stepped)
    assert Requirement().outcome(line) == ("wait", f"it is open: {line.reason}")


async def test_a_complete_hour_meets_the_requirement_unless_too_much_is_missing(stepped):
    await put_batch(stepped.storage, *batch(0, 1, 2))
    stepped.clock.advance(2 * 3600)
    await stepped.turns()
    line = await line_of(stepped)
    assert Requirement().outcome(line) == ("met", f"it is complete since {line.since}, revision 1")
    outcome, why = Requirement(0.01).outcome(line)
    assert outcome == "never"
    assert "99.83% of the expected records are missing" in why
    assert Requirement(0.999).outcome(line)[0] == "met"
