from collections.abc import Sequence

import pytest

from telemetry.domain.contract.message import Record, Rejection, parse_lines
from telemetry.domain.proof.deliver import Deliver, Delivered
from telemetry.domain.proof.gateway import Answer, GatewayError
from telemetry.domain.proof.manifest import Sent
from tests.builders import NOW, some_records


class Receiver:
    """A receiver that refuses the records of some places, or every body."""

    def __init__(self, refused: Sequence[int] = (), *, away: bool = False) -> None:
        self.refused = refused
        self.away = away
        self.taken: list[Record] = []

    async def ready(self) -> None:
        raise NotImplementedError

    async def post(self, lines: bytes) -> Answer:
        if self.away:
            raise GatewayError("It does not answer.")
        records = parse_lines(lines, NOW).records
        self.taken += [record for place, record in enumerate(records) if place not in self.refused]
        return Answer(len(records) - len(self.refused), [Rejection(place, "no") for place in self.refused])

    async def close(self) -> None:
        raise NotImplementedError


def book_of(deliver: Deliver) -> Sent:
    ((_, book),) = deliver.manifest.streams()
    return book


async def test_records_arrive_as_they_were_sent():
    receiver = Receiver()
    sent = some_records(5)
    assert await Deliver(receiver)(sent) == Delivered(5, 5, [])
    assert [record.identity for record in receiver.taken] == [record.identity for record in sent]
    assert [record.payload for record in receiver.taken] == [record.payload for record in sent]


async def test_what_was_refused_is_in_the_book_as_sent_only():
    deliver = Deliver(Receiver(refused=[0, 3]))
    sent = some_records(5)
    delivered = await deliver(sent)
    assert (delivered.sent, delivered.accepted) == (5, 3)
    assert [rejection.index for rejection in delivered.rejected] == [0, 3]
    assert book_of(deliver).sent.tolist() == [record.timestamp for record in sent]
    assert book_of(deliver).accepted.tolist() == [sent[place].timestamp for place in (1, 2, 4)]


async def test_what_nobody_answered_for_is_in_the_book_as_sent_only():
    deliver = Deliver(Receiver(away=True))
    with pytest.raises(GatewayError):
        await deliver(some_records(2))
    assert book_of(deliver).sent.size == 2
    assert book_of(deliver).accepted.size == 0


async def test_the_book_holds_all_bodies_of_its_sender():
    deliver = Deliver(Receiver())
    sent = some_records(6)
    await deliver(sent[:3])
    await deliver(sent[3:])
    assert book_of(deliver).accepted.tolist() == [record.timestamp for record in sent]
