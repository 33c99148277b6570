"""The clock of this machine, and one that is moved by hand."""

import time

from telemetry.adapters.clock import ManualClock, SystemClock


def test_this_machines_clock_is_of_epoch_milliseconds_and_never_goes_back():
    clock = SystemClock()
    before, now, after = time.time() * 1000 - 1, clock.wall_ms(), time.time() * 1000 + 1
    assert before <= now <= after
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_a_clock_by_hand_moves_both_its_times_and_only_then():
    clock = ManualClock(1000)
    assert (clock.wall_ms(), clock.monotonic_s()) == (1000, 0)
    clock.advance(1.5)
    assert (clock.wall_ms(), clock.monotonic_s()) == (2500, 1.5)
