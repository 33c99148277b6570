"""The port to traces: the span of a POST, whose context travels with its records in their envelopes.

A context is a `traceparent` of W3C Trace Context. Where nothing is traced there is none, and envelopes are as
they would be without this port.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol


class Tracing(Protocol):
    """Makes the span of a POST."""

    def post(self, records: int) -> AbstractContextManager[str]:
        """Make a span that lasts as long as the context; yield its own context, or nothing."""
        ...


class NoTracing:
    """Traces nothing."""

    def post(self, records: int) -> AbstractContextManager[str]:  # noqa: ARG002  # as the port has it
        return _NOTHING


_NOTHING: Final = nullcontext("")
