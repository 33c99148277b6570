"""The laws of the outlook, in the words of `telemetry.domain.transport.queue`: of which hours they are."""

import pytest

from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.transport import envelope
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced
from telemetry.domain.transport.parcel import Parcel
from telemetry.testing.queue.trial import Suite, Trial, lease

POLICY = PartitionPolicy()
MADE_MS = 1_760_884_200_000  # 2025-10-19T14:30:00Z
HOUR = hour_of(MADE_MS)


def an_envelope(timestamp_ms: int, received_ms: int) -> bytes:
    """Make a queue message as receivers do, of one record."""
    record = Record(timestamp_ms, "veh-00123", "0x1F0", {"battery_soc": 85.5}, received_ms)
    return envelope.encode([Parcel.of(POLICY.place(record), [record])])


def may_hold(found: Outlook, hour: Hour, until_ms: int) -> bool:
    """Return whether a queue may hold records of an hour that were accepted until a moment."""
    return hour in found.hours or bool(found.unplaced_in(hour, until_ms, POLICY))


OF_THIS_HOUR = an_envelope(MADE_MS, MADE_MS)
OF_THE_NEXT = an_envelope(MADE_MS + HOUR_MS, MADE_MS + HOUR_MS)
SKEWED = an_envelope(0, MADE_MS)
FOREIGN = (
    b'{"timestamp":"2025-10-19T14:30:00Z","vehicle_id":"a","can_id":"0x1F0","payload":{"battery_soc":85.5}}'
)


@pytest.mark.anyio
class Outlooks(Suite):
    """For every queue: the hours of its messages."""

    async def test_whatever_a_queue_can_see_of_its_messages_one_that_was_sent_may_be_there(
        self, trial: Trial
    ) -> None:
        now_ms = trial.clock.wall_ms()
        await trial.queue.send([an_envelope(now_ms, now_ms)])
        sent_ms = trial.clock.wall_ms()
        assert may_hold(await trial.queue.outlook(), hour_of(now_ms), sent_ms)
        await lease(trial.queue)
        assert may_hold(await trial.queue.outlook(), hour_of(now_ms), sent_ms)

    async def test_whatever_a_queue_can_see_of_its_messages_one_that_is_dead_may_be_there(
        self, trial: Trial
    ) -> None:
        now_ms = trial.clock.wall_ms()
        await trial.make_dead(an_envelope(now_ms, now_ms))
        assert may_hold(await trial.queue.outlook(), hour_of(now_ms), trial.clock.wall_ms())


@pytest.mark.anyio
class Hours(Suite):
    """For a queue that reads the hours which its messages name; its clock is moved by hand."""

    async def test_an_empty_queue_holds_messages_of_no_hour(self, trial: Trial) -> None:
        found = await trial.queue.outlook()
        assert (found.hours, found.unplaced, found.basis) == ({}, [], "hours")

    async def test_messages_are_counted_by_the_hour_of_their_records_whatever_they_wait_for(
        self, trial: Trial
    ) -> None:
        await trial.make_dead(OF_THIS_HOUR)
        await trial.queue.send([OF_THE_NEXT, OF_THIS_HOUR, OF_THIS_HOUR])
        await trial.queue.receive(2, 0)
        found = await trial.queue.outlook()
        assert found.hours == {
            HOUR: Depth(ready=1, leased=1, dead=1),
            HOUR + 1: Depth(ready=0, leased=1, dead=0),
        }
        assert found.unplaced == []

    async def test_skewed_records_are_of_the_hour_of_their_receipt(self, trial: Trial) -> None:
        await trial.queue.send([SKEWED])
        assert (await trial.queue.outlook()).hours == {HOUR: Depth(ready=1, leased=0, dead=0)}

    async def test_messages_that_name_no_hour_are_known_by_the_time_of_their_sending(
        self, trial: Trial
    ) -> None:
        first_ms = trial.clock.wall_ms()
        await trial.queue.send([FOREIGN, b"neither"])
        await trial.let_pass(1)
        await trial.queue.send([OF_THIS_HOUR[:40]])
        later_ms = trial.clock.wall_ms()
        assert (await trial.queue.outlook()).unplaced == [Unplaced(Depth(3, 0, 0), first_ms, later_ms)]

    async def test_messages_without_an_hour_are_grouped_by_the_hour_of_their_sending(
        self, trial: Trial
    ) -> None:
        first_ms = trial.clock.wall_ms()
        await trial.queue.send([b"neither"])
        for _ in range(120):
            await trial.let_pass(1)
        await trial.queue.send([b"nor"])
        later_ms = trial.clock.wall_ms()
        assert (await trial.queue.outlook()).unplaced == [
            Unplaced(Depth(1, 0, 0), first_ms, first_ms),
            Unplaced(Depth(1, 0, 0), later_ms, later_ms),
        ]

    async def test_what_was_deleted_is_not_in_the_outlook_any_more(self, trial: Trial) -> None:
        await trial.queue.send([OF_THIS_HOUR, OF_THE_NEXT])
        await trial.queue.outlook()
        await trial.queue.delete([(await lease(trial.queue)).handle])
        assert (await trial.queue.outlook()).hours == {HOUR + 1: Depth(ready=1, leased=0, dead=0)}

    async def test_a_redriven_message_is_of_the_hour_that_it_was_of(self, trial: Trial) -> None:
        (letter,) = await trial.make_dead(OF_THIS_HOUR)
        assert (await trial.queue.outlook()).hours == {HOUR: Depth(ready=0, leased=0, dead=1)}
        await trial.queue.redrive([letter.handle])
        assert (await trial.queue.outlook()).hours == {HOUR: Depth(ready=1, leased=0, dead=0)}
