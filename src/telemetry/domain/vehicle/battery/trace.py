"""A recorded drive, current or speed over time, that every vehicle of a fleet repeats from its start to its end."""

from dataclasses import dataclass

import numpy as np

from telemetry.domain.vehicle.battery import auxiliary
from telemetry.domain.vehicle.battery.drive import Status
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.vehicle import I3, battery_power


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What was recorded: `current` in A (negative when discharging) or `speed` in m/s, both over `time`."""

    time: Floats  # (moments,), s, rising
    current: Floats | None = None  # (moments,)
    speed: Floats | None = None  # (moments,)

    def __post_init__(self) -> None:
        """Raise ValueError unless there is one of both, time rises, and all of it is a number."""
        values = self.current if self.speed is None else self.speed
        if values is None or (self.current is not None and self.speed is not None):
            raise ValueError("a trace has either a current or a speed")
        if len(self.time) < 2 or values.shape != self.time.shape:  # noqa: PLR2004  # a beginning and an end
            raise ValueError("a trace has at least two moments, and a value at each")
        if not (np.diff(self.time) > 0.0).all() or not np.isfinite(values).all():
            raise ValueError("the time of a trace rises, and its values are numbers")


class Repeat:
    """Vehicles that all do what a trace says, and stand when it has ended."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._now = float(trace.time[0])

    @property
    def speed(self) -> float | None:
        """Tell how fast all drive, in m/s, if that was recorded."""
        trace = self._trace
        if trace.speed is None:
            return None
        return float(np.interp(self._now, trace.time, trace.speed, right=0.0))

    def ask(self, status: Status, dt_s: float) -> Floats:
        """Return the trace's mean current over the next `dt_s` seconds, or what its speed takes."""
        begin, self._now = self._now, self._now + dt_s
        trace = self._trace
        if begin >= trace.time[-1]:
            return np.zeros(len(status.soc))
        if trace.current is not None:
            mean = _mean(trace.time, trace.current, begin, self._now)
            return np.full(len(status.soc), mean)
        return self._drive(status, begin, dt_s)

    def _drive(self, status: Status, begin: float, dt_s: float) -> Floats:
        assert self._trace.speed is not None  # noqa: S101  # or there is a current
        before, after = np.interp([begin, begin + dt_s], self._trace.time, self._trace.speed)
        speed = np.full(len(status.soc), (before + after) / 2)
        drawn = battery_power(I3, speed, np.full_like(speed, (after - before) / dt_s), np.zeros_like(speed))
        drawn += auxiliary.usual(status.ambient, np.full_like(speed, begin - self._trace.time[0]))
        return -drawn / status.voltage


def _mean(time: Floats, values: Floats, begin: float, end: float) -> float:
    """Return the mean of a quantity that is held until the next moment, and is 0 after the last."""
    held = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(time))])
    until = np.interp([begin, end], time, held)
    return float(until[1] - until[0]) / (end - begin)
