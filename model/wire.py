"""What a car's bus loses of the car's signals: frames as the simulator writes them, read back by cantools."""

from typing import Final, NamedTuple

import cantools
import numpy as np

from telemetry.adapters.can.dbc import BMW_I3, Dbc
from telemetry.domain.can.broadcast import Broadcast
from telemetry.domain.vehicle.battery import Scenario
from telemetry.domain.vehicle.simulate import SAMPLING_S, Simulation

_PROTECTION: Final = ("checksum", "alive_counter")
_VEHICLES: Final = 20
_SECONDS: Final = 60


class Read(NamedTuple):
    """What came back."""

    off: float  # by how much any signal is off at the most, as a share of its resolution
    absent: int  # values that were sent as not available
    mistaken: int  # of them came back as numbers within their range


def read_back(seed: int = 1) -> Read:
    """Send all that some vehicles tell, and read it back. Raises ValueError if nothing was not available."""
    database = cantools.database.load_file(BMW_I3)
    assert isinstance(database, cantools.database.Database)  # noqa: S101  # what a DBC is
    simulated = Simulation(_VEHICLES, seed, scenario=Scenario(profile="mixed"))
    sampling = round(1000 * SAMPLING_S)
    broadcast = Broadcast(Dbc().cyclic, sampling)
    off, absent, mistaken = 0.0, 0, 0
    for elapsed in range(0, _SECONDS * 1000, sampling):
        signals = {**simulated.measure(), **simulated.bus_signals()}
        for can_id, data in broadcast.due(elapsed, signals):
            message = database.get_message_by_frame_id(can_id)
            read = [message.decode_simple(frame, decode_choices=False) for frame in data]
            for definition in message.signals:
                came = np.array([each[definition.name] for each in read], np.float64)
                if definition.name in signals:
                    error = np.abs(came - signals[definition.name]).max() / definition.scale
                    off = max(off, float(error))
                elif definition.name not in _PROTECTION:
                    absent += len(came)
                    assert definition.maximum is not None  # noqa: S101  # every signal of our file has a range
                    mistaken += int((came <= definition.maximum).sum())
    if not absent:
        raise ValueError("all signals were available, so that nothing is known of those that are not")
    return Read(off, absent, mistaken)
