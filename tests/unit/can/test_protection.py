"""The checksum and the counter of a protected frame."""

import numpy as np
import pytest

from telemetry.domain.can.bits import frames, words
from telemetry.domain.can.protection import Protection

SPEED = Protection(0x77)
REAL = ["09c6000088", "fcc8000088", "dbca000088", "5ac000008a", "fcc6000081"]
"""Frames 0x1A1 of a BMW i3 (damienmaguire/BMW-i3-CCS)."""


def real() -> list[bytes]:
    return [bytes.fromhex(frame) for frame in REAL]


def test_real_frames_are_intact_and_one_with_another_bit_is_not():
    good = words(real())
    assert SPEED.is_intact(good, 5).all()
    for bit in range(40):
        assert not SPEED.is_intact(good ^ np.uint64(1 << bit), 5).any()


def test_a_frame_under_the_id_of_another_message_is_not_intact():
    assert not Protection(0x60).is_intact(words(real()), 5).any()


@pytest.mark.parametrize(("number", "counter"), [(0, 0), (14, 14), (15, 0), (21, 6)])
def test_a_protected_frame_is_intact_and_counted_from_0_to_14(number, counter):
    made = SPEED.protect(words(real()), 5, number)
    assert SPEED.is_intact(made, 5).all()
    assert {frame[1] & 0x0F for frame in frames(made, 5)} == {counter}
    assert [frame[2:] for frame in frames(made, 5)] == [frame[2:] for frame in real()]


def test_a_frame_is_protected_as_the_car_does_it():
    assert frames(SPEED.protect(words(real()), 5, 6), 5)[0].hex() == REAL[0]
