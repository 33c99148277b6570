"""How a consumer stops: it stores what it holds, or hands it back."""

from tests.builders import a_record, an_envelope
from tests.unit.store.stepped import SteppedConsumer


async def test_stopping_stores_what_is_held_though_it_is_not_due():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    assert await stepped.stop() == 0
    assert len(await stepped.keys()) == 1
    assert await stepped.depth() == (0, 0, 0)
    assert stepped.queue.extensions == []


async def test_stopping_while_nothing_is_held_stores_nothing():
    stepped = SteppedConsumer()
    assert await stepped.stop() == 0
    assert await stepped.keys() == []


async def test_stopping_hands_back_what_cannot_be_stored_for_others_to_receive_at_once():
    stepped = SteppedConsumer()
    await stepped.send(an_envelope(a_record()))
    await stepped.turn()
    stepped.storage.puts_left = 0
    assert await stepped.stop() == 1
    assert await stepped.depth() == (1, 0, 0)
    stepped.storage.puts_left = 1
    stepped.restart()
    assert (await stepped.due_turn()).redelivered == 1
