"""What happens again and again is said at once, then once in a period, and no count is lost."""

from telemetry.adapters.clock import ManualClock
from telemetry.entrypoints.process.repeated import Repeated


async def test_the_first_is_said_at_once_and_the_others_when_the_period_has_passed():
    clock, said = ManualClock(), list[int]()
    repeated = Repeated(clock, 10)
    for _ in range(5):
        repeated.happened("a", said.append)
    assert said == [1]
    clock.advance(10)
    repeated.flush()
    assert said == [1, 4]
    clock.advance(10)
    repeated.flush()
    assert said == [1, 4]


async def test_what_is_not_due_at_the_end_of_a_period_is_said_after_the_next():
    clock, said = ManualClock(), list[int]()
    repeated = Repeated(clock, 10)
    repeated.happened("other", said.append)
    repeated.happened("other", said.append)
    clock.advance(9)
    repeated.happened("a", said.append, 2)
    repeated.happened("a", said.append, 3)
    clock.advance(1)
    repeated.flush()
    assert said == [1, 2, 1]
    clock.advance(10)
    repeated.flush()
    assert said == [1, 2, 1, 3]


async def test_kinds_do_not_wait_for_each_other():
    said: list[int] = []
    repeated = Repeated(ManualClock(), 10)
    for kind in ("a", ("b", 1), 401):
        repeated.happened(kind, said.append, 7)
    assert said == [7, 7, 7]
