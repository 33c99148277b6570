"""The laws of the queue, as classes of tests that the tests of an adapter inherit.

    class TestMine(QueueContract, Ordered):
        @pytest.fixture
        async def trial(self, monkeypatch):
            queue = MyQueue(TERMS)
            yield Trial.by_waiting(queue, TERMS, monkeypatch)
            await queue.close()

What every queue promises is in `QueueContract`. What a queue promises beyond, it inherits by name. One that
does exactly what `telemetry.domain.transport.model` does inherits all of it: `ExactQueueContract`.
"""

from telemetry.testing.queue.clocks import Clocks, CountedClocks
from telemetry.testing.queue.counts import Aged, Counted
from telemetry.testing.queue.hours import Hours, Outlooks
from telemetry.testing.queue.leases import Fenced, Leases
from telemetry.testing.queue.letters import Letters, Warned
from telemetry.testing.queue.sending import Ordered, Prompt, Sending
from telemetry.testing.queue.suspects import Acquittal, Suspects
from telemetry.testing.queue.trial import Trial

__all__ = [
    "Aged",
    "Counted",
    "CountedClocks",
    "ExactQueueContract",
    "Fenced",
    "Hours",
    "Ordered",
    "Prompt",
    "QueueContract",
    "Suspects",
    "Trial",
    "Warned",
]


class QueueContract(Sending, Leases, Letters, Acquittal, Clocks, Outlooks):
    """For every queue."""


class ExactQueueContract(
    QueueContract, Ordered, Prompt, CountedClocks, Aged, Fenced, Warned, Suspects, Hours
):
    """For a queue that does exactly what the model does."""
