"""The columns of compacted records, whatever form they are stored in."""

from typing import Final

from telemetry.domain.contract.signals import KNOWN

VEHICLE: Final = "vehicle_id"
"""Text."""
CAN: Final = "can_id"
"""Text."""
TIMESTAMP: Final = "timestamp"
"""A moment in UTC, in milliseconds."""
RECEIVED: Final = "ingest_received_at"
"""A moment in UTC, in milliseconds."""
SIGNALS: Final = tuple(KNOWN)
"""A column of doubles for each signal that the platform knows; null where a record lacks it."""
OTHERS: Final = "other_signals"
"""A map from name to double of all other signals of a record; it may be empty."""

COLUMNS: Final = (VEHICLE, CAN, TIMESTAMP, RECEIVED, *SIGNALS, OTHERS)
