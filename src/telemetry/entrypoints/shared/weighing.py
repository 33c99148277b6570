"""What the triggers are compared with, put together from what the roles tell and from the hours of a day."""

from collections.abc import Sequence
from typing import Final

from telemetry.domain.estimate import flow
from telemetry.domain.estimate.cost import Month
from telemetry.domain.estimate.load import Load
from telemetry.domain.figures.report import Line
from telemetry.domain.watch import triggers
from telemetry.domain.watch.lately import Sums
from telemetry.domain.watch.triggers import Measured, Packing
from telemetry.domain.watch.vitals import Reading
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import costing

_HOUR_S: Final = 3600


def measure(configured: Settings, reading: Reading, lines: Sequence[Line], now_ms: int) -> Measured:
    """Put together what the triggers are compared with."""
    consumers, aggregators = reading.of("consumer"), reading.of("aggregator")
    last = lines[-1] if lines else None
    rate = last.records / _HOUR_S if last else None
    return Measured(
        records_per_s=rate,
        duplicates_share=triggers.duplicates_share(lines),
        oldest_s=None if reading.oldest_ms is None else max(0, now_ms - reading.oldest_ms) / 1000,
        p95_s=Sums.of(consumers).p95_s.get("end_to_end"),
        month=_month(configured, Packing.of(consumers), rate, last.vehicles) if last and rate else None,
        build_s=max((each.now.longest_build_s for each in aggregators), default=None),
    )


def _month(configured: Settings, packing: Packing | None, rate: float, vehicles: int) -> float:
    """Estimate a month at this rate, packed as consumers saw it or, without any, as the model says."""
    load, terms, prices = (
        Load(rate=rate, vehicles=max(1, vehicles)),
        costing.terms(configured),
        costing.prices(),
    )
    if packing:
        made = flow.measured(load, terms, packing.per_message, packing.per_object)
        return Month.of(load, made, packing.object_size, prices).total
    made = flow.modelled(load, terms)
    return Month.of(load, made, terms.object_size(made.per_object), prices).total
