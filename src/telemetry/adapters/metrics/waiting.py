"""What waits in the queue, as receiver and consumer show it."""

import math

from telemetry.adapters.metrics.meters import Meters
from telemetry.domain.transport.lease import Depth


def show(meters: Meters, depth: Depth | None, oldest_s: float | None) -> None:
    """Set the gauges of the queue; what it held stays shown where it cannot be asked any more."""
    meters.gauge("telemetry_queue_reachable").set(depth is not None)
    if depth is not None:
        is_empty = not depth.ready + depth.leased
        shown_s = (0.0 if is_empty else math.nan) if oldest_s is None else oldest_s
        meters.gauge("telemetry_queue_oldest_seconds").set(shown_s)
        for state in ("ready", "leased", "dead"):
            meters.gauge("telemetry_queue_messages", state).set(getattr(depth, state))
