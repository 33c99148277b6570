import time

from telemetry.adapters.clock import ManualClock, SystemClock


def test_the_clock_of_this_machine_tells_epoch_milliseconds():
    assert abs(SystemClock().wall() - time.time() * 1000) < 60_000


def test_the_clock_of_this_machine_never_goes_back():
    clock = SystemClock()
    times = [clock.monotonic() for _ in range(1000)]
    assert times == sorted(times)


def test_a_manual_clock_stands_still_until_it_is_advanced():
    clock = ManualClock(1000)
    assert [(clock.wall(), clock.monotonic()) for _ in range(2)] == [(1000, 0.0)] * 2
    clock.advance(1.5)
    assert (clock.wall(), clock.monotonic()) == (2500, 1.5)


def test_a_manual_clock_counts_from_zero_unless_it_is_told_otherwise():
    assert ManualClock().wall() == 0


def test_a_manual_clock_keeps_milliseconds_whole():
    clock = ManualClock()
    for _ in range(10):
        clock.advance(0.1)
    assert clock.wall() == 1000
