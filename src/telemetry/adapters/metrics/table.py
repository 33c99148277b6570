"""The table of all metrics: what each role counts and measures, in which unit, under which labels.

The roles make their metrics of this table, and `docs/metrics.md` shows it. A label has few values, all of
which are known: no vehicle, key or object is ever one.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from telemetry.domain.store.latency import BOUNDS_S

Kind = Literal["counter", "gauge", "histogram"]
Role = Literal["receiver", "consumer", "aggregator"]


class Metric(NamedTuple):
    """One metric. The name of a counter ends in `_total` where it is shown.

    `across` says what a gauge is for several workers of one receiver: the newest value, or the sum.
    """

    name: str
    kind: Kind
    unit: str
    labels: Sequence[str]
    roles: Sequence[Role]
    meaning: str
    buckets: Sequence[float] = ()
    across: Literal["livemostrecent", "livesum"] = "livemostrecent"

    @property
    def shown(self) -> str:
        """The name as Prometheus has it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
RECORDS: Final = (1, 10, 50, 100, 200, 500, 1000, 5000, 20_000, 100_000)
BUILD_S: Final = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600)

TABLE: Final[Sequence[Metric]] = (
    Metric(
        "telemetry_build_info",
        "gauge",
        "",
        ("version", "role"),
        ("receiver", "consumer", "aggregator"),
        "Always 1; its labels say what runs.",
    ),
    Metric(
        "telemetry_disk_free_bytes",
        "gauge",
        "bytes",
        (),
        ("receiver", "consumer", "aggregator"),
        "What is free on the disk of `DATA_DIR`.",
    ),
    Metric(
        "telemetry_disk_size_bytes",
        "gauge",
        "bytes",
        (),
        ("receiver", "consumer", "aggregator"),
        "How large that disk is.",
    ),
    Metric(
        "telemetry_ingest_records",
        "counter",
        "records",
        ("outcome",),
        ("receiver",),
        "Records by what became of them: `accepted` is durable, `rejected` was named in the answer.",
    ),
    Metric(
        "telemetry_ingest_rejected_records",
        "counter",
        "records",
        ("reason",),
        ("receiver",),
        "Rejected records by the field at fault.",
    ),
    Metric(
        "telemetry_ingest_requests",
        "counter",
        "requests",
        ("status",),
        ("receiver",),
        "Requests to `/ingest` by the status of the answer.",
    ),
    Metric(
        "telemetry_ingest_seconds",
        "histogram",
        "seconds",
        (),
        ("receiver",),
        "From a request's arrival to its records being durable.",
        REQUEST_S,
    ),
    Metric(
        "telemetry_ingest_waiting_bytes",
        "gauge",
        "bytes",
        (),
        ("receiver",),
        "Bodies that arrive or wait for the queue; `INGEST_MAX_WAITING` bounds them.",
        across="livesum",
    ),
    Metric(
        "telemetry_canary_records",
        "counter",
        "records",
        (),
        ("receiver",),
        "Synthetic records that were accepted, of a receiver with `--canary`.",
    ),
    Metric(
        "telemetry_canary_lost_records",
        "gauge",
        "records",
        (),
        ("receiver",),
        "Those of the last hour that are neither in the store after a minute nor can be in the queue.",
        across="livesum",
    ),
    Metric(
        "telemetry_canary_duplicate_records",
        "counter",
        "records",
        (),
        ("receiver",),
        "Those that were found in the store again.",
    ),
    Metric(
        "telemetry_canary_p95_seconds",
        "gauge",
        "seconds",
        (),
        ("receiver",),
        "How long 95 % of the last sixty took from being made to being stored.",
    ),
    Metric(
        "telemetry_queue_messages",
        "gauge",
        "messages",
        ("state",),
        ("receiver", "consumer"),
        "Messages in the queue: `ready` to be received, `leased` to a consumer, or `dead`.",
    ),
    Metric(
        "telemetry_queue_reachable",
        "gauge",
        "",
        (),
        ("receiver", "consumer"),
        "1 if the queue could be asked what it holds, and 0 if not.",
    ),
    Metric(
        "telemetry_queue_oldest_seconds",
        "gauge",
        "seconds",
        (),
        ("receiver", "consumer"),
        "How long ago the oldest message was sent that is not dead; NaN where the queue does not say it.",
    ),
    Metric(
        "telemetry_in_flight_messages",
        "gauge",
        "messages",
        (),
        ("consumer",),
        "Messages on lease to this consumer.",
    ),
    Metric(
        "telemetry_held_back_messages",
        "gauge",
        "messages",
        (),
        ("consumer",),
        "Those of them that could not be stored and wait until the store takes them.",
    ),
    Metric(
        "telemetry_flushes",
        "counter",
        "batches",
        ("reason",),
        ("consumer",),
        "Batches that were stored, by why they went: `full`, `age`, `again` (a message came again), `retry` "
        "(the store had refused), `end`.",
    ),
    Metric(
        "telemetry_stored_records",
        "counter",
        "records",
        ("tree",),
        ("consumer",),
        "Records that are durable in the store, in `raw` or in `skewed`; copies count.",
    ),
    Metric(
        "telemetry_stored_messages",
        "counter",
        "messages",
        (),
        ("consumer",),
        "Queue messages whose content is durable in the store.",
    ),
    Metric(
        "telemetry_stored_objects",
        "counter",
        "objects",
        (),
        ("consumer",),
        "Objects written.",
    ),
    Metric(
        "telemetry_stored_bytes",
        "counter",
        "bytes",
        (),
        ("consumer",),
        "Lines written, before compression.",
    ),
    Metric(
        "telemetry_quarantined_messages",
        "counter",
        "messages",
        (),
        ("consumer",),
        "Queue bodies that could not be decoded, and were put into quarantine.",
    ),
    Metric(
        "telemetry_redelivered_messages",
        "counter",
        "messages",
        (),
        ("consumer",),
        "Messages that came again, after a consumer that died or was too slow.",
    ),
    Metric(
        "telemetry_undeleted_messages",
        "counter",
        "messages",
        (),
        ("consumer",),
        "Messages that are stored and that the queue would not delete; they come again as copies.",
    ),
    Metric(
        "telemetry_batch_records",
        "histogram",
        "records",
        (),
        ("consumer",),
        "Records of a batch.",
        RECORDS,
    ),
    Metric(
        "telemetry_latency_seconds",
        "histogram",
        "seconds",
        ("stage",),
        ("consumer",),
        "How long records took: `ingest` from vehicle to receiver, `queue` from there to the consumer, "
        "`processing` from there to the store, `end_to_end` in all.",
        BOUNDS_S,
    ),
    Metric(
        "telemetry_store_failures",
        "counter",
        "",
        ("action",),
        ("consumer", "aggregator"),
        "Attempts that failed, and are made again: to `write`, `receive`, `delete`, `extend`, `look` or `build`.",
    ),
    Metric(
        "telemetry_figures_built",
        "counter",
        "hours",
        (),
        ("aggregator",),
        "Figures of hours that were built, each time they were.",
    ),
    Metric(
        "telemetry_build_seconds",
        "histogram",
        "seconds",
        (),
        ("aggregator",),
        "How long the figures of an hour took to build.",
        BUILD_S,
    ),
    Metric(
        "telemetry_longest_build_seconds",
        "gauge",
        "seconds",
        (),
        ("aggregator",),
        "How long the hour took that took longest since the process was started.",
    ),
    Metric(
        "telemetry_certificates",
        "gauge",
        "hours",
        ("state",),
        ("aggregator",),
        "Hours of the last day by the state of their certificate: `open`, `waiting` or `complete`.",
    ),
    Metric(
        "telemetry_day_records",
        "gauge",
        "records",
        ("kind",),
        ("aggregator",),
        "Records of the hours of the last day: `unique`, `duplicates`, `conflicting`, `skewed`, `refused`.",
    ),
    Metric(
        "telemetry_damaged_objects",
        "counter",
        "objects",
        (),
        ("aggregator",),
        "Objects, or lines in them, that were damaged when an hour was built.",
    ),
    Metric(
        "telemetry_looked_timestamp_seconds",
        "gauge",
        "seconds",
        (),
        ("aggregator",),
        "When the aggregator last looked through the store to its end, as Unix time.",
    ),
)
"""All metrics, in the order of the road."""


def of(role: Role) -> Iterator[Metric]:
    """Yield the metrics of one role."""
    return (metric for metric in TABLE if role in metric.roles)
