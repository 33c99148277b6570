"""A recorded drive, current or speed over time, that every vehicle of a fleet repeats from start to end."""

from dataclasses import dataclass

import numpy as np

from telemetry.domain.vehicle.battery import auxiliary
from telemetry.domain.vehicle.battery.drive import Status
from telemetry.domain.vehicle.battery.parameters import Floats
from telemetry.domain.vehicle.battery.vehicle import I3, battery_power


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A recording: `current` in A (negative when discharging) or `speed` in m/s, over `time_s`."""

    time_s: Floats  # (moments,), rising
    current: Floats | None = None  # (moments,)
    speed: Floats | None = None  # (moments,)

    def __post_init__(self) -> None:
        """Raise ValueError unless there is either current or speed, time rises, and all values are finite."""
        values = self.current if self.speed is None else self.speed
        if values is None or (self.current is not None and self.speed is not None):
            raise ValueError("a trace has either a current or a speed")
        if len(self.time_s) < 2 or values.shape != self.time_s.shape:  # noqa: PLR2004  # a start and an end
            raise ValueError("a trace has at least two moments, and a value at each")
        if not (np.diff(self.time_s) > 0.0).all() or not np.isfinite(values).all():
            raise ValueError("the time of a trace rises, and its values are numbers")


class Repeat:
    """Vehicles that all follow a trace, and stand after its end."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._now_s = float(trace.time_s[0])

    @property
    def speed(self) -> float | None:
        """The speed of all vehicles, in m/s; None if it was not recorded."""
        trace = self._trace
        if trace.speed is None:
            return None
        return float(np.interp(self._now_s, trace.time_s, trace.speed, right=0.0))

    def ask(self, status: Status, dt_s: float) -> Floats:
        """Return the trace's mean current over the next `dt_s` seconds, or the current for its speed."""
        start_s, self._now_s = self._now_s, self._now_s + dt_s
        trace = self._trace
        if start_s >= trace.time_s[-1]:
            return np.zeros(len(status.soc))
        if trace.current is not None:
            mean = _mean(trace.time_s, trace.current, start_s, self._now_s)
            return np.full(len(status.soc), mean)
        return self._drive(status, start_s, dt_s)

    def _drive(self, status: Status, start_s: float, dt_s: float) -> Floats:
        assert self._trace.speed is not None  # noqa: S101  # or there is a current
        before, after = np.interp([start_s, start_s + dt_s], self._trace.time_s, self._trace.speed)
        speed = np.full(len(status.soc), (before + after) / 2)
        drawn = battery_power(I3, speed, np.full_like(speed, (after - before) / dt_s), np.zeros_like(speed))
        drawn += auxiliary.usual(status.ambient, np.full_like(speed, start_s - self._trace.time_s[0]))
        return -drawn / status.voltage


def _mean(time_s: Floats, values: Floats, start_s: float, end_s: float) -> float:
    """Return the mean of a quantity from `start_s` to `end_s`.

    Each value holds until the next moment, and after the last moment the quantity is 0.
    """
    integral = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(time_s))])
    until = np.interp([start_s, end_s], time_s, integral)
    return float(until[1] - until[0]) / (end_s - start_s)
