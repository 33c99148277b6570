"""What is lost of a car's signals on its bus: frames of the simulator, read back by cantools."""

from typing import Final, NamedTuple

import cantools
import numpy as np

from telemetry.adapters.can.catalogue import BMW_I3, read
from telemetry.domain.can.broadcast import Broadcast
from telemetry.domain.vehicle.battery import Scenario
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation

_PROTECTION: Final = ("checksum", "alive_counter")
_VEHICLES: Final = 20
_DURATION_S: Final = 60


class Read(NamedTuple):
    """The difference between the signals that were sent and the signals that were read back."""

    off: float  # the largest error of any signal, as a share of its resolution
    absent: int  # values that were sent as not available
    mistaken: int  # of these, values that were read as numbers within their range


def read_back(seed: int = 1) -> Read:
    """Send all signals of some vehicles, and read them back. Raise ValueError if all were available."""
    database = cantools.database.load_file(BMW_I3)
    assert isinstance(database, cantools.database.Database)  # noqa: S101  # the type for a DBC file
    simulation = Simulation(_VEHICLES, seed, scenario=Scenario(profile="mixed"))
    sampling_ms = round(1000 * SAMPLING_S)
    broadcast = Broadcast(read().cyclic, sampling_ms)
    off, absent, mistaken = 0.0, 0, 0
    for elapsed_ms in range(0, _DURATION_S * 1000, sampling_ms):
        signals = {**simulation.measure(), **simulation.bus_signals()}
        for can_id, frames in broadcast.due(elapsed_ms, signals):
            message = database.get_message_by_frame_id(can_id)
            decoded = [message.decode_simple(frame, decode_choices=False) for frame in frames]
            for definition in message.signals:
                values = np.array([each[definition.name] for each in decoded], np.float64)
                if definition.name in signals:
                    error = np.abs(values - signals[definition.name]).max() / definition.scale
                    off = max(off, float(error))
                elif definition.name not in _PROTECTION:
                    absent += len(values)
                    assert definition.maximum is not None  # noqa: S101  # every signal of our file has a range
                    mistaken += int((values <= definition.maximum).sum())
    if not absent:
        raise ValueError("all signals were available, so that nothing is known about values that are not")
    return Read(off, absent, mistaken)
