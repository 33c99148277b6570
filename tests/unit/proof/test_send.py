from collections.abc import Sequence

import pytest

from telemetry.domain.contract.parse import parse_lines
from telemetry.domain.contract.record import Answer, Record, Rejection
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.proof.manifest import StreamTimestamps
from telemetry.domain.proof.send import Sender
from tests.builders import NOW, identity, some_records


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


def book_of(sender: Sender) -> StreamTimestamps:
    ((_, book),) = sender.manifest.streams()
    return book


async def test_records_arrive_as_they_were_sent():
    receiver = Receiver()
    sent = some_records(5)
    assert await Sender(receiver).send(sent) == Answer(5, [])
    assert [identity(record) for record in receiver.taken] == [identity(record) for record in sent]
    assert [record.payload for record in receiver.taken] == [record.payload for record in sent]


async def test_what_was_refused_is_in_the_book_as_sent_only():
    sender = Sender(Receiver(refused=[0, 3]))
    sent = some_records(5)
    answer = await sender.send(sent)
    assert answer.accepted == 3
    assert [rejection.index for rejection in answer.rejected] == [0, 3]
    assert book_of(sender).sent.tolist() == [record.timestamp_ms for record in sent]
    assert book_of(sender).accepted.tolist() == [sent[place].timestamp_ms for place in (1, 2, 4)]


async def test_what_nobody_answered_for_is_in_the_book_as_sent_only():
    sender = Sender(Receiver(away=True))
    with pytest.raises(GatewayError):
        await sender.send(some_records(2))
    assert book_of(sender).sent.size == 2
    assert book_of(sender).accepted.size == 0


async def test_the_book_holds_all_bodies_of_its_sender():
    sender = Sender(Receiver())
    sent = some_records(6)
    await sender.send(sent[:3])
    await sender.send(sent[3:])
    assert book_of(sender).accepted.tolist() == [record.timestamp_ms for record in sent]
