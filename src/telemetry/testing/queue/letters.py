"""The laws of dead letters, in the words of `telemetry.domain.transport.lease`."""

import pytest

from telemetry.domain.transport.lease import BURIED
from telemetry.testing.queue.trial import Suite, Trial, lease


@pytest.mark.anyio
class Letters(Suite):
    """For every queue: dead letters."""

    async def test_a_message_leased_as_often_as_it_may_be_becomes_a_dead_letter(self, trial: Trial) -> None:
        (letter,) = await trial.make_dead(b"poison")
        assert (letter.body, letter.receives) == (b"poison", trial.terms.max_receives)
        assert await trial.queue.receive(1, 0) == []

    async def test_a_dead_letter_does_not_hold_up_messages_behind_it(self, trial: Trial) -> None:
        await trial.make_dead(b"poison")
        await trial.queue.send([b"m"])
        assert (await lease(trial.queue)).body == b"m"

    async def test_a_redriven_dead_letter_is_sent_anew_under_the_time_at_which_it_was_first_sent(
        self, trial: Trial
    ) -> None:
        (letter,) = await trial.make_dead(b"m")
        assert await trial.queue.redrive([letter.handle]) == []
        again = await lease(trial.queue)
        assert (again.body, again.sent_ms, again.receives) == (b"m", letter.sent_ms, 1)
        assert await trial.queue.dead(1) == []


@pytest.mark.anyio
class Warned(Suite):
    """For a queue that makes its dead letters by itself."""

    async def test_new_dead_letters_are_a_warning_with_their_count(
        self, trial: Trial, caplog: pytest.LogCaptureFixture
    ) -> None:
        await trial.make_dead(b"poison")
        (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
        assert line.getMessage() == BURIED % (1, trial.terms.max_receives)
