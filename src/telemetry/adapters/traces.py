"""Traces by OpenTelemetry: a span for each POST, and one for each batch, linked to the POSTs that it stored.

Only this module uses OpenTelemetry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from telemetry.domain.store.flush import StoredBatch

_NS_A_MS: Final = 1_000_000
_CONTEXT: Final = "traceparent"

_propagator: Final = TraceContextTextMapPropagator()


class OtelTracing:
    """Makes spans of one role; `processor` takes them, or they go where OTEL_EXPORTER_OTLP_ENDPOINT says."""

    def __init__(self, role: str, processor: SpanProcessor | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"telemetry-{role}"}))
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("telemetry")

    @contextmanager
    def post(self, records: int) -> Iterator[str]:
        """Make the span of a POST that lasts as long as the context; yield its own context."""
        with self._tracer.start_as_current_span(
            "POST /ingest", kind=SpanKind.PRODUCER, attributes={"telemetry.records": records}
        ):
            carrier: dict[str, str] = {}
            _propagator.inject(carrier)
            yield carrier.get(_CONTEXT, "")

    def stored(self, batch: StoredBatch) -> None:
        """Make the span of a batch, from its first message's receipt to the last object's being durable."""
        contexts = (
            get_current_span(_propagator.extract({_CONTEXT: each})).get_span_context()
            for each in batch.traces
        )
        span = self._tracer.start_span(
            "store batch",
            kind=SpanKind.CONSUMER,
            links=[Link(each) for each in contexts if each.is_valid],
            start_time=batch.since_ms * _NS_A_MS,
            attributes={"telemetry.records": batch.records, "telemetry.objects": batch.objects},
        )
        span.end(batch.written_ms * _NS_A_MS)

    def close(self) -> None:
        """Hand over what was made and not exported yet."""
        self._provider.shutdown()
