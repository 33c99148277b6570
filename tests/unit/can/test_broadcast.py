"""When each message of a bus is sent, and with which signals."""

from collections.abc import Sequence

import numpy as np

from telemetry.domain.can.bits import Field
from telemetry.domain.can.broadcast import Broadcast
from telemetry.domain.can.layout import Cyclic, Layout
from telemetry.domain.can.protection import Protection
from telemetry.domain.can.scaling import Floats, Signal
from tests.can_outcomes import Decoded, read_each


def layout(*names: str, protection: Protection | None = None) -> Layout:
    fields = [(Signal(name, 16), Field(16 + 16 * place, 16)) for place, name in enumerate(names)]
    return Layout(fields, 8, protection)


def known(**signals: float | Sequence[float]) -> dict[str, Floats]:
    return {name: np.atleast_1d(np.asarray(values, dtype=np.float64)) for name, values in signals.items()}


def due(messages: Sequence[Cyclic], moments: Sequence[int]) -> Sequence[Sequence[int]]:
    broadcast = Broadcast(messages, 200)
    return [[sent.can_id for sent in broadcast.due(elapsed, known(battery_soc=50.0))] for elapsed in moments]


def test_each_message_is_sent_in_its_own_rhythm_but_at_most_once_a_sample():
    soc = layout("battery_soc")
    messages = [Cyclic(1, 10, soc), Cyclic(2, 200, soc), Cyclic(3, 500, soc), Cyclic(4, 1000, soc)]
    sent = due(messages, range(0, 1400, 200))
    assert sent == [[1, 2, 3, 4], [1, 2], [1, 2], [1, 2, 3], [1, 2], [1, 2, 3, 4], [1, 2]]


def test_a_message_of_which_nothing_is_known_is_not_sent():
    assert due([Cyclic(1, 10, layout("vehicle_speed")), Cyclic(2, 10, layout("battery_soc"))], [0]) == [[2]]


def test_every_car_sends_what_it_knows_and_as_not_available_what_it_did_not():
    both = layout("battery_soc", "target_voltage")
    (sent,) = Broadcast([Cyclic(1, 10, both)], 200).due(0, known(battery_soc=[20.0, 30.0]))
    assert read_each(both, sent.frames) == [
        Decoded({"battery_soc": 20.0}, ("target_voltage",)),
        Decoded({"battery_soc": 30.0}, ("target_voltage",)),
    ]


def test_the_frames_of_a_protected_message_are_counted():
    speed = layout("vehicle_speed", protection=Protection(0x77))
    broadcast = Broadcast([Cyclic(0x1A1, 20, speed)], 200)
    counters = []
    for step in range(17):
        (sent,) = broadcast.due(200 * step, known(vehicle_speed=50.0))
        assert read_each(speed, sent.frames) == [Decoded({"vehicle_speed": 50.0}, ())]
        counters.append(sent.frames[0][1] & 0x0F)
    assert counters == [*range(15), 0, 1]
