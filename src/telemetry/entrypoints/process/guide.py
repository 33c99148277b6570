"""What the help of each command ends with: the settings that steer it, and an example."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from telemetry.entrypoints.process.settings import Settings

_LOG: Final = ("LOG_",)
_QUEUE: Final = ("DATA_DIR", "QUEUE_", "SQS_")
_STORE: Final = ("DATA_DIR", "STORAGE_", "S3_")
_PROOF: Final = (*_QUEUE, *_STORE, "PARTITION_", "SKEW_", *_LOG)


class Guide(NamedTuple):
    """The settings of a command, each by its name or many by what they begin with; and an example."""

    steered_by: Sequence[str]
    example: str

    @property
    def settings(self) -> Sequence[str]:
        families = tuple(each for each in self.steered_by if each.endswith("_"))
        names = [name.upper() for name in Settings.__struct_fields__]
        return [name for name in names if name in self.steered_by or name.startswith(families)]


GUIDES: Final[Mapping[str, Guide]] = {
    "receiver": Guide(
        (
            "API_",
            "ADMIN_ACCESS",
            "FILE_MODE",
            "TRACES",
            *_QUEUE,
            "INGEST_",
            "PARTITION_",
            "SKEW_",
            "SHUTDOWN_",
            *_LOG,
        ),
        "API_KEY=choose-one telemetry receiver --port 8000 --workers 2",
    ),
    "consumer": Guide(
        (*_QUEUE, *_STORE, "BATCH_", "RAW_", "PARTITION_", "SKEW_", "SHUTDOWN_", "TRACES", *_LOG),
        "BATCH_TIMEOUT=0.5 LOG_LEVEL=DEBUG telemetry consumer",
    ),
    "aggregator": Guide(
        (*_QUEUE, *_STORE, "AGGREGATE_", "ENGINE", "DASK_", "SKEW_", *_LOG),
        "telemetry aggregator --from 2025-10-19T00 --to 2025-10-19T23",
    ),
    "status": Guide(
        (
            *_QUEUE,
            *_STORE,
            *("METRICS_URLS", "API_KEY", "BATCH_TIMEOUT", "AGGREGATE_INTERVAL", "AGGREGATE_LATENESS"),
            *_LOG,
        ),
        "telemetry status --watch",
    ),
    "triggers": Guide(
        (
            *_QUEUE,
            *_STORE,
            *("METRICS_URLS", "API_KEY", "BATCH_", "INGEST_LINGER", "PARTITION_BUCKETS", "RAW_FORMAT"),
            *("AGGREGATE_INTERVAL", "AGGREGATE_LATENESS"),
            *_LOG,
        ),
        "telemetry triggers --json",
    ),
    "compact": Guide(
        (
            *_STORE,
            "COMPACT_",
            *("AGGREGATE_MAX_RECORDS", "AGGREGATE_PROCESSES", "ENGINE", "DASK_", "PARTITION_BUCKETS"),
            "SHUTDOWN_",
            *_LOG,
        ),
        "telemetry compact --from 2025-10-19T00 --to 2025-10-19T23",
    ),
    "expire": Guide((*_STORE, "EXPIRE_", *_LOG), "telemetry expire --days 365 --dry-run"),
    "hours": Guide(
        (*_QUEUE, *_STORE, "AGGREGATE_LATENESS", "SKEW_", *_LOG),
        "telemetry hours --wait 2025-10-19T14 --require 'gaps<1%' --timeout 7200",
    ),
    "query": Guide(
        (*_STORE, *_LOG),
        'telemetry query "SELECT hour, state, records FROM hours" --from 2025-10-19T00',
    ),
    "simulator": Guide(
        ("API_KEY", *_LOG), "telemetry simulator --vehicles 100 --duplicates --ledger run.jsonl"
    ),
    "load-test": Guide(("API_KEY", *_PROOF), "telemetry load-test --messages 100000 --rate max"),
    "replay": Guide(
        ("API_KEY", "SKEW_", *_LOG), "telemetry replay drive.log.gz --vehicle-id veh-00001 --realtime"
    ),
    "prove": Guide(_PROOF, "telemetry prove --faults --minutes 30 --schedule 7"),
    "demo": Guide(
        (*_PROOF, "BATCH_", "INGEST_", "RAW_", "SHUTDOWN_"), "telemetry demo --vehicles 20 --duration 10"
    ),
    "up": Guide(
        (
            "API_",
            "ADMIN_ACCESS",
            "FILE_MODE",
            "TRACES",
            *_PROOF,
            "INGEST_",
            "BATCH_",
            "RAW_",
            "AGGREGATE_",
            "ENGINE",
            "DASK_",
            "SHUTDOWN_",
        ),
        "API_KEY=choose-one telemetry up --consumers 2 --workers 2",
    ),
    "provision": Guide(
        ("SQS_QUEUE_URL", "S3_", "QUEUE_VISIBILITY_TIMEOUT", "QUEUE_MAX_RECEIVES", *_LOG),
        "telemetry provision --dry-run --queue fleet --bucket my-telemetry",
    ),
    "estimate": Guide(
        (
            *("BATCH_", "INGEST_LINGER", "PARTITION_", "RAW_", "AGGREGATE_", "DATA_DIR"),
            *("SQS_RECEIVE_PAUSE", "SQS_POLL_WAIT"),
        ),
        "telemetry estimate --vehicles 10000 --rate-hz 5 --per-post 10",
    ),
    "dead-letters": Guide((*_QUEUE, *_STORE, *_LOG), "telemetry dead-letters list"),
    "skewed": Guide(
        (*_STORE, "RAW_", "PARTITION_", "SKEW_", *_LOG),
        "telemetry skewed refile --from 2025-10-19T14 --to 2025-10-19T15",
    ),
    "vehicle": Guide(
        (*_QUEUE, *_STORE, "RAW_", "PARTITION_", "SKEW_", "AGGREGATE_", *_LOG),
        "telemetry vehicle export veh-00123 --output veh-00123.jsonl",
    ),
    "queue": Guide(("FILE_MODE", *_QUEUE, *_STORE, *_LOG), "telemetry queue check"),
    "health": Guide(("DATA_DIR",), "telemetry health consumer --within 30"),
    "keys": Guide(
        ("API_KEYS_FILE", "FILE_MODE"),
        "API_KEYS_FILE=keys.json telemetry keys add depot-7 --vehicles 'depot-7-*'",
    ),
    "settings": Guide(
        [name.upper() for name in Settings.__struct_fields__], "BATCH_SIZE=500 telemetry settings --json"
    ),
    "completion": Guide((), "telemetry completion bash"),
}
"""By command; every setting steers at least one."""
