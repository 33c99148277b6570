"""Hours are certified when nothing more can come in time, and marked last."""

from collections.abc import Sequence

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_path, start_ms
from telemetry.domain.figures import require
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.certificate import Certificate, Marker, Silence
from telemetry.domain.figures.certify import CertificateTerms, Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.report import Hours
from telemetry.domain.store import objects
from tests.builders import HOUR, NOW, a_record, an_envelope, put_batch, some_records
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.figures.watching import TERMS, SteppedAggregator

KEY = objects.complete_key(HOUR)
CLOSES_MS = start_ms(HOUR) + HOUR_MS + TERMS.lateness_ms


class Noting(FailingStorage):
    """A store that notes what is written and removed, and what is asked for, in order."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.changes: list[str] = []
        self.asked: list[str] = []

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        await super().put(key, data, overwrite=overwrite)
        self.changes.append(f"put {key.rpartition('/')[2].partition('-')[0]}")

    async def get(self, key: str) -> bytes:
        self.asked.append(key)
        return await super().get(key)

    async def folders(self, prefix: str) -> Sequence[str]:
        self.asked.append(prefix)
        return await super().folders(prefix)

    async def delete(self, key: str) -> None:
        await super().delete(key)
        self.changes.append(f"delete {key.rpartition('/')[2].partition('-')[0]}")


@pytest.fixture
def stepped() -> SteppedAggregator:
    clock = ManualClock(NOW)
    return SteppedAggregator(Noting(clock), clock, FailingQueue(clock))


def let_close(stepped: SteppedAggregator) -> None:
    """Move the clock to the moment up to which records are not late."""
    stepped.clock.advance((CLOSES_MS - stepped.clock.wall_ms()) / 1000)


async def certificate_of(stepped: SteppedAggregator, hour: int = HOUR) -> Certificate:
    figures = await stepped.figures(hour)
    assert figures
    assert figures.certificate
    return figures.certificate


async def test_an_hour_is_certified_when_it_is_built_and_again_once_it_is_over(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    assert (await certificate_of(stepped)).state == "open"
    assert await stepped.storage.list(KEY) == []
    let_close(stepped)
    await stepped.turns()
    made = await certificate_of(stepped)
    assert (made.state, made.revision, made.basis) == ("complete", 1, "hours")
    marker = msgspec.json.decode(await stepped.storage.get(KEY), type=Marker)
    assert marker == Marker("2025-10-19T14:00:00.000Z", 1, made.current.input_digest, made.since)
    assert stepped.certified == [HOUR]


async def test_streams_are_measured_when_the_hour_is_certified_although_nothing_came(stepped):
    await put_batch(stepped.storage, *some_records(5))
    await stepped.turns()
    assert not (await stepped.figures(HOUR)).is_measured
    let_close(stepped)
    await stepped.turns()
    figures = await stepped.figures(HOUR)
    assert figures.is_measured
    assert (figures.certificate.state, figures.certificate.revision) == ("complete", 1)
    assert figures.certificate.wholeness.expected > 5
    assert stepped.certified == [HOUR]


async def test_figures_that_were_only_compared_again_are_measured_too(stepped):
    await put_batch(stepped.storage, *some_records(5))
    await stepped.turns()
    let_close(stepped)
    key = objects.aggregated_key(HOUR)
    await stepped.storage.put(key, await stepped.storage.get(key), overwrite=True)  # so that it looks touched
    await stepped.turns()
    assert (await stepped.figures(HOUR)).is_measured


async def test_kept_figures_stay_unmeasured_and_meet_no_bound_on_gaps(stepped):
    key = await put_batch(stepped.storage, *some_records(5))
    await put_batch(stepped.storage, *some_records(5, NOW + 5000))
    await stepped.turns()
    await stepped.storage.delete(key)
    let_close(stepped)
    await stepped.turns()
    line = await Hours(stepped.storage).line(HOUR)
    assert line
    assert (line.state, line.is_measured) == ("complete", False)
    assert require.parse("complete").outcome(line)[0] == "met"
    assert require.parse("gaps<100%").outcome(line)[0] == "never"


async def test_an_hour_waits_for_the_queue_and_is_complete_when_its_message_is_stored(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.queue.send([an_envelope(a_record(timestamp_ms=NOW + 1))])
    let_close(stepped)
    await stepped.turns()
    made = await certificate_of(stepped)
    assert (made.state, made.held.ready) == ("waiting", 1)
    (delivery,) = await stepped.queue.receive(1, 0)
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 1))
    await stepped.queue.delete([delivery.handle])
    await stepped.turns()
    made = await certificate_of(stepped)
    assert (made.state, made.revision, made.late) == ("complete", 2, 0)


async def test_nothing_is_written_again_as_long_as_an_hour_waits_for_the_same(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.queue.send([an_envelope(a_record())])
    let_close(stepped)
    await stepped.turns()
    changes = len(stepped.storage.changes)
    await stepped.queue.send([an_envelope(a_record())])
    await stepped.turns()
    assert len(stepped.storage.changes) == changes


async def test_a_late_record_makes_another_revision_and_is_counted(stepped):
    await put_batch(stepped.storage, a_record())
    let_close(stepped)
    await stepped.turns()
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 1))
    await stepped.turns()
    made = await certificate_of(stepped)
    assert (made.state, made.revision, made.late, made.changed.records) == ("complete", 2, 1, 1)


async def test_the_marker_goes_before_the_figures_change_and_comes_after_all_else(stepped):
    await put_batch(stepped.storage, a_record())
    let_close(stepped)
    await stepped.turns()
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 1))
    stepped.storage.changes.clear()
    await stepped.turns()
    assert stepped.storage.changes == [
        "delete _COMPLETE",
        "put aggregated",
        "put _inputs",
        "delete _inputs",
        "put _COMPLETE",
    ]


async def test_a_marker_that_a_kill_kept_from_being_written_is_written_by_the_next_process(stepped):
    await put_batch(stepped.storage, a_record())
    let_close(stepped)
    await stepped.turns()
    made = await certificate_of(stepped)
    await stepped.storage.delete(KEY)
    stepped.restart()
    await stepped.turns()
    assert await stepped.storage.list(KEY)
    assert await certificate_of(stepped) == made
    stepped.storage.changes.clear()
    await stepped.turns()
    assert stepped.storage.changes == []


async def test_an_hour_that_was_complete_as_soon_as_it_was_built_is_not_read_at_each_turn(stepped):
    let_close(stepped)
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    await stepped.turns()
    stepped.storage.failing = ("get",)
    await stepped.turns()
    assert stepped.storage.failures == 0


async def test_a_silent_hour_that_is_not_near_now_any_more_is_not_looked_at_at_each_turn(stepped):
    await stepped.turns()
    stepped.clock.advance(9 * 24 * 3600)
    await stepped.turns()
    await stepped.turns()
    assert not [each for each in stepped.aggregator.certifiable([]) if each <= HOUR + 1]


async def test_an_hour_that_nobody_watches_any_more_is_certified_by_the_next_process(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    stepped.clock.advance(30 * 24 * 3600)
    stepped.restart()
    await stepped.turns()
    assert (await certificate_of(stepped)).state == "complete"


async def test_an_hour_whose_certificate_could_not_be_written_is_certified_later(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    let_close(stepped)
    stepped.storage.puts_left = 0
    await stepped.turns()
    stepped.storage.puts_left = 100
    await stepped.turns()
    assert (await certificate_of(stepped)).state == "complete"


async def test_where_the_queue_cannot_be_asked_hours_wait_and_say_why(stepped):
    await put_batch(stepped.storage, a_record())
    let_close(stepped)
    stepped.queue.failing = {"outlook"}
    await stepped.turns()
    made = await certificate_of(stepped)
    assert (made.state, made.basis) == ("waiting", "none")
    assert "outlook fails" in made.reason


async def test_an_object_that_cannot_be_read_keeps_its_hour_waiting(stepped):
    await put_batch(stepped.storage, a_record())
    key = await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 1))
    stepped.storage.unreadable = {key}
    let_close(stepped)
    await stepped.turns()
    made = await certificate_of(stepped)
    assert (made.state, made.held.objects) == ("waiting", 1)
    stepped.storage.unreadable = set()
    stepped.clock.advance(60)
    await stepped.turns()
    assert (await certificate_of(stepped)).state == "complete"


async def test_when_an_hour_and_all_its_objects_are_gone_its_marker_goes_too(stepped):
    key = await put_batch(stepped.storage, a_record())
    let_close(stepped)
    await stepped.turns()
    await stepped.storage.delete(key)
    await stepped.storage.delete(objects.aggregated_key(HOUR))
    await stepped.turns()
    assert await stepped.storage.list("") == []
    assert await stepped.aggregator.certify(HOUR) is None


async def test_figures_that_were_removed_before_they_were_certified_are_built_and_certified(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    await stepped.storage.delete(objects.aggregated_key(HOUR))
    let_close(stepped)
    await stepped.aggregator.look()
    built = await stepped.aggregator.certify(HOUR)
    assert built
    assert built.aggregated.certificate
    assert built.aggregated.certificate.state == "complete"


async def test_without_a_certifier_figures_bear_no_certificate():
    storage = FailingStorage(ManualClock(NOW))
    await put_batch(storage, a_record())
    aggregator = Aggregator(storage)
    await aggregator.look()
    built = await aggregator.build(HOUR)
    assert built
    assert built.aggregated.certificate is None
    assert aggregator.certifiable([HOUR]) == []


# Who was there before


async def test_a_vehicle_of_the_last_day_that_sends_nothing_is_absent(stepped):
    before = NOW - 2 * HOUR_MS
    await put_batch(stepped.storage, a_record(timestamp_ms=before, received_ms=before, vehicle_id="gone"))
    await stepped.turns()
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    absent = {"gone": Silence("2025-10-19T12:30:00.000Z", asleep=False)}
    assert (await certificate_of(stepped)).wholeness.absent == absent
    later = NOW + HOUR_MS
    await put_batch(stepped.storage, a_record(timestamp_ms=later, received_ms=later))
    stepped.clock.advance(3600)
    await stepped.turns()
    assert (await certificate_of(stepped, HOUR + 1)).wholeness.absent == absent


async def test_the_hour_before_is_read_again_when_it_has_changed(stepped):
    before = NOW - HOUR_MS
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    await put_batch(stepped.storage, a_record(timestamp_ms=before, received_ms=before, vehicle_id="gone"))
    await stepped.turns()
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + 1))
    await stepped.turns()
    assert list((await certificate_of(stepped)).wholeness.absent) == ["gone"]


async def test_the_time_before_the_first_record_is_a_gap_of_a_vehicle_that_was_known(stepped):
    first = start_ms(HOUR) - 200
    await put_batch(stepped.storage, *some_records(1, first))
    await stepped.turns()
    await put_batch(stepped.storage, *some_records(9000, start_ms(HOUR) + 1_800_000))
    let_close(stepped)
    await stepped.turns()
    figures = await stepped.figures(HOUR)
    (vehicle,) = figures.vehicles.values()
    assert vehicle.streams["0x1F0"].gaps == 1
    assert figures.certificate.wholeness.missing_share == pytest.approx(0.5, abs=0.001)


async def test_an_hour_in_which_all_are_silent_is_complete_without_a_record(stepped):
    await put_batch(stepped.storage, a_record(vehicle_id="silent"))
    await stepped.turns()
    let_close(stepped)
    stepped.clock.advance(HOUR_MS / 1000)
    await stepped.turns()
    figures = await stepped.figures(HOUR + 1)
    assert (figures.records, figures.certificate.state) == (0, "complete")
    assert list(figures.certificate.wholeness.absent) == ["silent"]
    assert await stepped.take_built() == []
    stepped.certified = []
    await stepped.turns()
    assert stepped.certified == []
    await put_batch(stepped.storage, a_record(timestamp_ms=NOW + HOUR_MS, received_ms=NOW + HOUR_MS))
    await stepped.turns()
    made = await certificate_of(stepped, HOUR + 1)
    assert (made.state, made.revision, made.late) == ("complete", 2, 1)


async def test_silence_is_certified_for_a_day_and_then_no_more(stepped):
    await put_batch(stepped.storage, a_record())
    for _ in range(30):
        stepped.clock.advance(HOUR_MS / 1000)
        await stepped.turns()
    hours = [hour for hour in range(HOUR, HOUR + 30) if await stepped.figures(hour)]
    assert hours == list(range(HOUR, HOUR + 25))


async def test_where_nobody_was_known_nothing_is_certified_until_somebody_is(stepped):
    stepped.clock.advance((CLOSES_MS + HOUR_MS - NOW) / 1000)
    await stepped.turns()
    assert [hour for hour in range(HOUR, HOUR + 3) if await stepped.figures(hour)] == []
    await put_batch(stepped.storage, a_record())
    stepped.restart()  # and compare everything
    await stepped.turns()
    await stepped.turns()
    assert [hour for hour in range(HOUR, HOUR + 3) if await stepped.figures(hour)] == [HOUR, HOUR + 1]


async def test_a_silent_hour_whose_first_figures_got_no_marker_is_marked_once_the_store_takes_it(stepped):
    let_close(stepped)
    await stepped.turns()
    assert await stepped.figures(HOUR) is None
    stepped.storage.refused_puts = (objects.complete_key(HOUR),)
    await put_batch(stepped.storage, a_record(received_ms=CLOSES_MS))
    await stepped.turns()
    assert (await certificate_of(stepped)).state == "complete"
    stepped.storage.refused_puts = ()
    await stepped.turns()
    assert await stepped.storage.list(objects.complete_key(HOUR))


async def test_an_hour_that_was_removed_whole_is_not_taken_for_a_silent_one(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    for info in [*await stepped.storage.list("raw/"), *await stepped.storage.list("aggregated/")]:
        await stepped.storage.delete(info.key)
    assert await stepped.aggregator.certify(HOUR) is None
    assert await stepped.figures(HOUR) is None


async def test_figures_that_seem_current_and_cannot_be_read_get_no_certificate(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    key = objects.aggregated_key(HOUR)
    size = len(await stepped.storage.get(key))
    await stepped.storage.put(key, b"x" * size, overwrite=True)  # in the same millisecond
    assert await stepped.aggregator.certify(HOUR) is None


async def test_of_an_hour_of_which_nothing_is_there_nothing_is_made_without_a_certifier(stepped):
    assert await Aggregator(stepped.storage).certify(HOUR) is None


async def test_after_hours_without_figures_three_requests_find_out_who_was_known(stepped):
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    certifier = Certifier(stepped.storage, stepped.clock, Inquiry(stepped.storage, stepped.queue))
    stepped.storage.asked.clear()
    assert await certifier.is_missed(Hour(HOUR + 20))
    day, after = f"aggregated/{hour_path(HOUR)}".rpartition("/")[0], objects.aggregated_key(Hour(HOUR + 19))
    assert stepped.storage.asked[0] == after
    assert stepped.storage.asked[-1] == objects.aggregated_key(HOUR)
    assert f"{day}/" in stepped.storage.asked
    assert len(stepped.storage.asked) <= 4
    stepped.storage.asked.clear()
    assert not await certifier.is_missed(Hour(HOUR + 25))


async def test_rosters_are_bounded(stepped):
    inquiry = Inquiry(stepped.storage, stepped.queue)
    certifier = Certifier(stepped.storage, stepped.clock, inquiry, CertificateTerms())
    await put_batch(stepped.storage, a_record())
    await stepped.turns()
    figures = await stepped.figures(HOUR)
    for hour in range(HOUR + 1, HOUR + 9):
        await certifier.begun(Hour(hour), figures)
    assert len(certifier._rosters) == 4


async def test_hours_of_silence_while_no_aggregator_ran_are_certified_at_the_next_start(stepped):
    await put_batch(stepped.storage, a_record(vehicle_id="silent"))
    await stepped.turns()
    stepped.clock.advance(100 * HOUR_MS / 1000)
    later = NOW + 60 * HOUR_MS
    await put_batch(stepped.storage, a_record(vehicle_id="other", timestamp_ms=later, received_ms=later))
    stepped.restart()
    for _ in range(3):
        await stepped.turns()
    hours = [hour for hour in range(HOUR, HOUR + 101) if await stepped.figures(hour)]
    assert hours == [*range(HOUR, HOUR + 25), *range(HOUR + 60, HOUR + 85)]
    made = await certificate_of(stepped, HOUR + 24)
    assert (made.state, list(made.wholeness.absent)) == ("complete", ["silent"])
    stepped.certified = []
    stepped.storage.got.clear()
    await stepped.turns()
    assert (stepped.certified, stepped.storage.got) == ([], [])
