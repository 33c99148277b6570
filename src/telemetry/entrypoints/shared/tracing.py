"""Traces, where they are asked for: what makes the spans of a role, and hands over the last at its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from telemetry.entrypoints.process import extras
from telemetry.entrypoints.process.settings import Settings

if TYPE_CHECKING:
    from telemetry.adapters.traces import OtelTracing


def make(role: str, configured: Settings) -> "OtelTracing | None":
    """Return what makes the spans of a role; None unless TRACES asks for it. Raise MissingExtraError."""
    if configured.traces == "off":
        return None
    with extras.needed("otel"):
        from telemetry.adapters.traces import OtelTracing  # noqa: PLC0415  # the extra `otel`
    return OtelTracing(role)


@contextmanager
def handed_over(tracing: "OtelTracing | None") -> Iterator[None]:
    """Hand over the last spans at the end of the context."""
    try:
        yield
    finally:
        if tracing:
            tracing.close()
