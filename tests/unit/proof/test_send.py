"""What a sender sends, and what its manifest holds then."""

import pytest

from telemetry.domain.contract.record import Answer
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.proof.manifest import StreamTimestamps
from telemetry.domain.proof.send import Sender
from tests.builders import identity, some_records
from tests.fakes import FakeGateway


def timestamps_of(sender: Sender) -> StreamTimestamps:
    ((_, timestamps),) = sender.manifest.streams()
    return timestamps


async def test_records_arrive_as_they_were_sent():
    gateway = FakeGateway()
    sent = some_records(5)
    assert await Sender(gateway).send(sent) == Answer(5, [])
    assert [identity(record) for record in gateway.records] == [identity(record) for record in sent]
    assert [record.payload for record in gateway.records] == [record.payload for record in sent]


async def test_what_was_refused_is_in_the_manifest_as_sent_only():
    sender = Sender(FakeGateway(refused=[0, 3]))
    sent = some_records(5)
    answer = await sender.send(sent)
    assert answer.accepted == 3
    assert [rejection.index for rejection in answer.rejected] == [0, 3]
    assert timestamps_of(sender).sent.tolist() == [record.timestamp_ms for record in sent]
    assert timestamps_of(sender).accepted.tolist() == [sent[place].timestamp_ms for place in (1, 2, 4)]


async def test_what_nobody_answered_for_is_in_the_manifest_as_sent_only():
    sender = Sender(FakeGateway(bodies_left=0))
    with pytest.raises(GatewayError):
        await sender.send(some_records(2))
    assert timestamps_of(sender).sent.size == 2
    assert timestamps_of(sender).accepted.size == 0


async def test_the_manifest_holds_all_bodies_of_its_sender():
    sender = Sender(FakeGateway())
    sent = some_records(6)
    await sender.send(sent[:3])
    await sender.send(sent[3:])
    assert timestamps_of(sender).accepted.tolist() == [record.timestamp_ms for record in sent]
