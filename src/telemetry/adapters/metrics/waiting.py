"""What waits in the queue, as receiver and consumer show it."""

from telemetry.adapters.metrics.meters import Meters
from telemetry.domain.transport.lease import Depth


def show(meters: Meters, depth: Depth | None) -> None:
    """Set the gauges of the queue; what it held stays shown where it cannot be asked any more."""
    meters.gauge("telemetry_queue_reachable").set(depth is not None)
    if depth is not None:
        for state in ("ready", "leased", "dead"):
            meters.gauge("telemetry_queue_messages", state).set(getattr(depth, state))
