"""The span of a batch is linked to the spans of the POSTs that it stored."""

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.adapters.traces import OtelTracing
from telemetry.coordination.outbox import LingeringOutbox
from telemetry.domain.contract.record import Parsed
from telemetry.domain.transport.ingest import Ingest
from tests.builders import NOW, POLICY, a_body, a_record
from tests.unit.store.stepped import SteppedConsumer

_NS_A_MS = 1_000_000


async def test_a_post_is_linked_from_the_batch_that_stored_it():
    stepped, exporter = SteppedConsumer(), InMemorySpanExporter()
    tracing = OtelTracing("test", SimpleSpanProcessor(exporter))
    outbox = LingeringOutbox(stepped.queue, stepped.clock, 0, 1_000_000)
    for ingest in (Ingest(outbox, POLICY, tracing), Ingest(outbox, POLICY, tracing), Ingest(outbox, POLICY)):
        await ingest.accept(Parsed([a_record()], []))
    await stepped.send(
        a_body(timestamp="2025-10-19T14:30:00Z")
    )  # of a foreign producer, which traces nothing
    await stepped.turn()
    stepped.clock.advance(2)
    tracing.stored(await stepped.due_turn())
    *posts, batch = exporter.get_finished_spans()
    assert [each.name for each in posts] == ["POST /ingest"] * 2
    assert [each.context.span_id for each in batch.links] == [each.context.span_id for each in posts]
    assert [each.context.trace_id for each in batch.links] == [each.context.trace_id for each in posts]
    assert (batch.name, batch.attributes) == ("store batch", {"telemetry.records": 4, "telemetry.objects": 1})
    assert (batch.start_time, batch.end_time) == (NOW * _NS_A_MS, (NOW + 2000) * _NS_A_MS)
    tracing.close()
