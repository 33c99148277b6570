"""What can be set, by environment or `.env`: read once, checked by name, frozen."""

import ast
import inspect
import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import Meta

from telemetry.adapters.http.limits import ConnectionLimits
from telemetry.coordination.together import AT_ONCE
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.figures.certify import CertificateTerms
from telemetry.domain.figures.filling import FillingTerms
from telemetry.domain.figures.partial import MAX_NAMES
from telemetry.domain.figures.turn import FoldLimits
from telemetry.domain.lake.revise import CompactTerms
from telemetry.domain.lake.tidy import Retention
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.entrypoints.process.kinds import (
    SECONDS,
    SHOWN,
    UNIT,
    YEAR,
    Bytes,
    Count,
    NotNegative,
    Positive,
    QueueBackend,
    Rate,
    Secret,
    SettingsError,
    Skew,
    convert,
    read_file,
    unit,
)

_URLS: Final = r"^\s*https?://[^\s,]+(\s*,\s*https?://[^\s,]+)*\s*$"

_OWN_FAMILIES: Final = (
    "AGGREGATE_",
    "BATCH_",
    "DASK_",
    "COMPACT_",
    "EXPIRE_",
    "INGEST_",
    "METRICS_",
    "PARTITION_",
    "QUEUE_",
    "S3_",
    "SKEW_",
    "SQS_",
    "STORAGE_",
)
"""Names that begin like this are ours or misspelt."""

_ON_SQS: Final[Mapping[str, tuple[int, int]]] = {
    "queue_visibility_timeout": (1, 43_200),
    "queue_max_receives": (1, 1000),
}
"""The bounds that SQS has for what the embedded queue takes more widely."""


class Modes(msgspec.Struct, frozen=True):
    """The modes of files and folders that are made, and the umask of the process; None leaves it as it is."""

    file: int | None = None
    folder: int | None = None
    umask: int | None = None


_MODES: Final = {
    "private": Modes(0o600, 0o700, 0o077),
    "group": Modes(0o660, 0o770, 0o007),
    "umask": Modes(),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; each is the environment variable of its name in capitals. Durations are in seconds."""

    api_key: Secret | None = None
    """The key that may send for every vehicle; the receiver does not start without a key."""
    api_keys_file: Path | None = None
    """A JSON file of further keys, which `telemetry keys` writes."""
    admin_access: Literal["loopback", "key", "open"] = "loopback"
    """Who sees `/metrics`, `/docs`, `/dashboard`: this machine and who has a key; who has a key; or all."""

    metrics_urls: Annotated[str, Meta(pattern=_URLS)] | None = None
    """Where roles show metrics, with commas between, if they run on other machines than `status`."""

    data_dir: Path = Path("data")
    """Where the embedded queue and the local stores are."""

    file_mode: Literal["private", "group", "umask"] = "private"
    """Who may read and write what is made: this user (0600), its group too (0660), or whom the umask lets."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Which events are logged: these and worse ones. At `DEBUG`, the consumer logs each step."""
    log_format: Literal["text", "json"] = "text"
    """How they are logged: for people, or one JSON object a line."""

    traces: Literal["off", "otlp"] = "off"
    """Whether POSTs and batches are traced: `otlp`, by the extra `otel`, to OTEL_EXPORTER_OTLP_ENDPOINT."""

    queue_backend: QueueBackend = "sqlite"
    """Which queue is used; `memory` is for trials in one process, MODULE:NAME is a queue of your own."""
    queue_url: Secret | None = None
    """The address for `QUEUE_BACKEND=MODULE:NAME`; it may hold a password, and is never shown."""
    queue_max_bytes: Bytes = 10_000_000_000
    """How large the embedded queue may grow, with its log, before the receiver answers 503."""
    queue_reserve_bytes: Annotated[int, Meta(ge=0, le=10**12, extra={UNIT: "bytes"})] = 16_000_000
    """How much of its disk stays free, so that a consumer can empty it; of a small disk a quarter."""
    queue_visibility_timeout: Positive = 30
    """How long a message is leased to a consumer; on SQS, from 1 second to 12 hours."""
    queue_max_receives: Count = 10
    """After how many leases without an answer a message is a dead letter; on SQS, what `provision` sets."""

    sqs_queue_url: str | None = None
    """The address of the queue for `QUEUE_BACKEND=sqs`, standard or FIFO."""
    sqs_receivers: Annotated[int, Meta(ge=1, le=64)] = 32
    """How many polls of SQS a consumer has under way at the most."""
    sqs_receive_pause: NotNegative = 0.2
    """How long after a poll of SQS that brought nothing the next one begins."""
    sqs_poll_wait: Annotated[int, Meta(ge=1, le=20, extra=SECONDS)] = 20
    """How long a poll of SQS waits for messages."""

    storage_backend: Literal["local", "s3", "memory"] = "local"
    """Which store is used; `memory` is for trials within one process."""
    s3_bucket: Annotated[str, Meta(pattern=r"^(arn:[\w:/.-]+|[A-Za-z0-9._-]{3,255})$")] | None = None
    """The bucket for `STORAGE_BACKEND=s3`."""
    s3_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!_.*'()/=-]*$")] = ""
    """What the keys of all objects begin with, as a folder."""
    raw_format: RawFormat = "jsonl"
    """How objects of the raw store are written: as lines, or as lines that are compressed."""

    ingest_linger: NotNegative | None = None
    """How long a POST may wait for others to share a queue message with; if not set 0, and on SQS 0.05."""
    ingest_max_body: Bytes = 10_000_000
    """How many bytes a body may have, both as it comes and decompressed; beyond that 413."""
    ingest_max_records: Count = 10_000
    """How many records a body may hold; beyond that 413."""
    ingest_max_waiting: Bytes = 64_000_000
    """How many bytes of bodies may arrive and wait for the queue before the receiver answers 503."""
    ingest_max_head: Bytes = 32_768
    """How many bytes the head of a request may have; beyond that 431."""
    ingest_max_headers: Count = 100
    """How many header lines a request may have; beyond that 431."""
    ingest_max_url: Bytes = 8_192
    """How many bytes a URL may have; beyond that 414."""
    ingest_max_connections: Count = 1_000
    """How many connections each worker holds; the next one is answered 503."""
    ingest_head_timeout: Positive = 15
    """How long a client may take to send the head of a request."""
    ingest_body_timeout: Positive = 60
    """How long a body may make no progress."""
    ingest_keep_alive: Positive = 75
    """How long an idle connection stays open; load balancers keep theirs for 60 seconds."""
    ingest_rate: Rate = 0
    """How many records a second `API_KEY` may send, whatever the number of workers; 0 is any number."""

    batch_size: Count = 100
    """How many records a batch holds when it is stored; under load it takes all that has arrived."""
    batch_timeout: Positive = 2
    """How old the oldest record of a batch becomes before the batch is stored, however few there are."""

    partition_buckets: Annotated[int, Meta(ge=1, le=1000)] = 1
    """Into how many folders an hour is split by vehicle; 1 is none."""
    skew_max_past: Skew = 7 * 24 * 3600
    """How far a vehicle's clock may be behind the receiver's, coverage gaps included."""
    skew_max_future: Skew = 300
    """How far a vehicle's clock may be ahead of the receiver's."""

    aggregate_interval: Positive = 10
    """How often the aggregator looks for hours that have changed."""
    aggregate_max_age: NotNegative = 300
    """How long figures of an hour that is being filled may lack what is stored; 0 is until the next look."""
    aggregate_lateness: NotNegative = 600
    """How long after its end an hour waits for records before it may be complete; later ones are late."""
    aggregate_max_names: Count = MAX_NAMES
    """Of how many signals of a CAN id of a vehicle an hour has figures; values of others are only counted."""
    aggregate_max_records: Count = FoldLimits().records
    """How many records the aggregator holds in memory at once, if one vehicle alone has fewer in an hour."""
    aggregate_cache_bytes: Bytes = 2_000_000_000
    """How many bytes of objects that were read once are kept in DATA_DIR/cache; the oldest are removed."""
    engine: Literal["local", "dask"] = "local"
    """Where hours are folded and compacted: on this machine, or by the workers of a scheduler of Dask."""
    dask_scheduler: Annotated[str, Meta(pattern=r"^(tcp|tls)://[^\s/]+:[0-9]+$")] | None = None
    """The address of the scheduler for `ENGINE=dask`, as `tcp://10.0.0.7:8786`."""
    aggregate_processes: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """How many processes fold buckets or compact hours; if not set, one a core with PARTITION_BUCKETS > 1."""

    compact_format: Literal["parquet", "jsonl.zst"] = "parquet"
    """How compacted records are written: as Parquet, which needs the extra `lake`, or as lines."""
    compact_target_bytes: Bytes = 128_000_000
    """How large an object with compacted records becomes before the next one is begun."""
    compact_raw_retention: Positive = 7 * 24 * 3600
    """How long raw objects stay that were taken up by a compaction, from when they were stored."""
    compact_grace: Annotated[float, Meta(ge=60, le=YEAR, extra=SECONDS)] = 3600
    """How long what a newer manifest replaces stays for those who read it."""
    compact_interval: Positive = 600
    """How often `telemetry compact --watch` looks for hours to compact."""
    expire_after_days: Count | None = None
    """After how many days `telemetry expire` removes records; if not set, never."""

    shutdown_timeout: Annotated[float, Meta(ge=1, le=YEAR, extra=SECONDS)] = 8
    """How long a role may take to stop; container runtimes kill after 10 seconds."""

    @property
    def lease_terms(self) -> LeaseTerms:
        return LeaseTerms(round(self.queue_visibility_timeout * 1000), self.queue_max_receives)

    @property
    def partition_policy(self) -> PartitionPolicy:
        return PartitionPolicy(
            round(self.skew_max_past * 1000), round(self.skew_max_future * 1000), self.partition_buckets
        )

    @property
    def certificate_terms(self) -> CertificateTerms:
        return CertificateTerms(round(self.aggregate_lateness * 1000), self.partition_policy)

    @property
    def embedded_queue(self) -> Path | None:
        """The file of the embedded queue, if that is the queue."""
        return self.queue_file if self.queue_backend == "sqlite" else None

    @property
    def queue_kind(self) -> Literal["sqlite", "sqs", "memory", "outside"]:
        """The queue of the package that is used, or that it is none of them."""
        match self.queue_backend:
            case "sqlite" | "sqs" | "memory" as kind:
                return kind
            case _:
                return "outside"

    @property
    def is_queue_private(self) -> bool:
        return self.queue_backend == "memory"

    @property
    def batch_limits(self) -> BatchLimits:
        return BatchLimits(self.batch_size, MAX_BATCH, self.batch_timeout)

    @property
    def filling_terms(self) -> FillingTerms:
        return FillingTerms(round(self.aggregate_max_age * 1000))

    @property
    def fold_limits(self) -> FoldLimits:
        return FoldLimits(self.aggregate_max_records, self.aggregate_max_names)

    @property
    def compact_terms(self) -> CompactTerms:
        return CompactTerms(
            target=self.compact_target_bytes,
            records=self.aggregate_max_records,
            grace_ms=round(self.compact_grace * 1000),
            names=self.aggregate_max_names,
        )

    @property
    def retention(self) -> Retention:
        return Retention(round(self.compact_raw_retention * 1000), round(self.compact_grace * 1000))

    @property
    def workers(self) -> Literal["here", "thread", "processes"]:
        """Return what folds hours: what one process has in memory, no other can read."""
        if self.storage_backend == "memory":
            return "here"
        is_split = self.partition_buckets > 1
        return "processes" if self.aggregate_processes or is_split else "thread"

    @property
    def folds_at_once(self) -> int:
        """Return how many hours or buckets are folded at the same time."""
        return (self.aggregate_processes or os.cpu_count() or 1) if self.workers == "processes" else 1

    @property
    def compactions_at_once(self) -> int:
        """Return how many hours are compacted at the same time, or wait for a worker of a scheduler."""
        return AT_ONCE if self.engine == "dask" else self.folds_at_once

    def of_hours(self, hours: int) -> Self:
        """Return the settings for so many hours; several are folded in processes, if not said otherwise."""
        if hours < 2 or self.aggregate_processes or self.storage_backend == "memory":  # noqa: PLR2004
            return self
        return msgspec.structs.replace(self, aggregate_processes=min(hours, os.cpu_count() or 1))

    @property
    def cache_dir(self) -> Path:
        return self.data_dir / "cache"

    @property
    def linger_s(self) -> float:
        """Return how long a POST waits for others: unless it is set, only on SQS, which bills each request.

        Elsewhere what comes while a batch is synced shares the next one, and that is enough.
        """
        if self.ingest_linger is not None:
            return self.ingest_linger
        return 0.05 if self.queue_backend == "sqs" else 0.0

    @property
    def connection_limits(self) -> ConnectionLimits:
        return ConnectionLimits(
            head=self.ingest_max_head,
            headers=self.ingest_max_headers,
            url=self.ingest_max_url,
            head_timeout_s=self.ingest_head_timeout,
            body_timeout_s=self.ingest_body_timeout,
            keep_alive_s=self.ingest_keep_alive,
            connections=self.ingest_max_connections,
        )

    @property
    def modes(self) -> Modes:
        return _MODES[self.file_mode]

    @property
    def queue_file(self) -> Path:
        return self.data_dir / "queue.db"


class Explained(msgspec.Struct, frozen=True):
    """A setting of a process: its value, what it is without any, and what gave it the value."""

    name: str
    value: object
    default: object
    unit: str
    origin: Literal["environment", ".env", "default"]
    what: str


def load(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """Read the settings; the environment goes before the file. Raise SettingsError naming all that is wrong.

    What the file says of `AWS_*` is put into the process's environment, where AWS's SDK looks for it. What
    the process makes from now on, beside queue and store, is as private as FILE_MODE says.
    """
    given = read_file(dotenv)
    if environment is None:
        for name, value in given.items():
            if name.startswith("AWS_"):
                os.environ.setdefault(name, value)
    given.update(os.environ if environment is None else environment)
    known = {field.name.upper(): field for field in msgspec.structs.fields(Settings)}
    faults = list(_misspelt(given, known))
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in given and not (given[name] == "" and field.default is None):
            try:
                values[field.name] = convert(given[name], field)
            except ValueError as error:
                faults.append(f"{name}: {error}")
    faults += _missing(values)
    if faults:
        raise SettingsError("; ".join(faults))
    configured = Settings(**values)
    if faults := list(_impossible(configured)):
        raise SettingsError("; ".join(faults))
    if environment is None and configured.modes.umask is not None:
        os.umask(configured.modes.umask)
    return configured


def explain(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Iterator[Explained]:
    """Yield every setting as `load` reads it, secrets hidden. Raise SettingsError as it does."""
    configured = load(environment, dotenv)
    environment, file, texts = os.environ if environment is None else environment, read_file(dotenv), about()
    for field in msgspec.structs.fields(Settings):
        name, value = field.name.upper(), getattr(configured, field.name)
        origin: Literal["environment", ".env", "default"] = "default"
        if environment.get(name, file.get(name)) and value is not None:
            origin = "environment" if name in environment else ".env"
        shown = "***" if isinstance(value, Secret) else value
        yield Explained(name, shown, field.default, unit(field), origin, texts[field.name])


def about() -> Mapping[str, str]:
    """Return what each setting is about, by the name of its field: the docstring below that, on one line."""
    (made,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(made, ast.ClassDef)  # noqa: S101  # which it is
    texts = dict.fromkeys(Settings.__struct_fields__, "")
    for statement, following in zip(made.body, made.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = " ".join(text.split())
    return texts


def _missing(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("queue_backend") == "sqs" and not values.get("sqs_queue_url"):
        yield "SQS_QUEUE_URL: not set; QUEUE_BACKEND=sqs needs it"
    if ":" in values.get("queue_backend", "") and not values.get("queue_url"):
        yield f"QUEUE_URL: not set; QUEUE_BACKEND={values['queue_backend'][:SHOWN]} needs it"
    if values.get("storage_backend") == "s3" and not values.get("s3_bucket"):
        yield "S3_BUCKET: not set; STORAGE_BACKEND=s3 needs it"
    if values.get("engine") == "dask" and not values.get("dask_scheduler"):
        yield "DASK_SCHEDULER: not set; ENGINE=dask needs it"


def _impossible(configured: Settings) -> Iterator[str]:
    """Say which settings cannot be, each as it may be by itself."""
    if configured.queue_backend == "sqs":
        for name, (least, most) in _ON_SQS.items():
            if not least <= getattr(configured, name) <= most:
                value = getattr(configured, name)
                yield f"{name.upper()}: {value:g}: expected {least} to {most} with QUEUE_BACKEND=sqs"
    if configured.engine == "dask" and configured.storage_backend == "memory":
        yield "ENGINE: dask: workers cannot read STORAGE_BACKEND=memory"
    folder = configured.data_dir
    if configured.engine == "dask" and not folder.is_absolute():
        yield f"DATA_DIR: {str(folder)[:SHOWN]}: expected an absolute path with ENGINE=dask: workers read it too"
    try:
        there = next(each for each in (folder, *folder.parents) if each.exists())
    except OSError as error:
        yield f"DATA_DIR: {str(folder)[:SHOWN]}: {error.strerror}"
    else:
        if not there.is_dir():
            yield f"DATA_DIR: {folder}: {there} is a file, and no folder"


def _misspelt(given: Mapping[str, str], known: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(given.keys() - known.keys()):
        alike = [each for each in get_close_matches(name, known, n=1, cutoff=0.85) if each[0] == name[0]]
        if alike:
            yield f"{name}: unknown, did you mean {alike[0]}?"
        elif name.startswith(_OWN_FAMILIES):
            yield f"{name}: unknown; there are {', '.join(sorted(known))}"
