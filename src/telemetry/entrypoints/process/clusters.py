"""The engine on a cluster, whose client is imported only where it is needed."""

from telemetry.coordination.engine import ClosingEngine
from telemetry.entrypoints.process import extras


def dask(address: str) -> ClosingEngine:
    """Return the engine of a scheduler. Raise MissingExtraError without the extra."""
    with extras.needed("dask"):
        from telemetry.adapters.dask import DaskEngine  # noqa: PLC0415  # which is there only with it
    return DaskEngine(address)
