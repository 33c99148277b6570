"""What can be set, by environment or `.env`: read once, checked by name, frozen."""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

from telemetry.adapters.http.limits import ConnectionLimits
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.errors import UsageError
from telemetry.domain.store.objects import MAX_BATCH, RawFormat
from telemetry.domain.transport.batch import BatchLimits
from telemetry.domain.transport.lease import LeaseTerms

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]

_OWN_FAMILIES: Final = (
    "AGGREGATE_",
    "BATCH_",
    "INGEST_",
    "PARTITION_",
    "QUEUE_",
    "S3_",
    "SKEW_",
    "SQS_",
    "STORAGE_",
)
"""Names that begin like this are ours or misspelt."""


class SettingsError(UsageError):
    """Settings that cannot be used; its text names each and says what it may be."""


class Secret(str):
    """A text that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


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
    """The key that may send for every vehicle."""
    api_keys_file: Path | None = None
    """A JSON file of further keys; see `telemetry keys`."""
    admin_access: Literal["loopback", "key", "open"] = "loopback"
    """Who sees counters, documentation and depth: this machine and who has a key; who has a key; or all."""

    data_dir: Path = Path("data")
    """Where the embedded queue and the local stores are."""

    file_mode: Literal["private", "group", "umask"] = "private"
    """Who may read and write what is made: this user, also the group, or whom the umask lets."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    queue_backend: Literal["sqlite", "sqs", "memory"] = "sqlite"
    queue_max_bytes: Count = 10_000_000_000
    """How large the embedded queue may grow before the receiver answers 503."""
    queue_visibility_timeout: Positive = 30
    queue_max_receives: Count = 5
    """How often a message is received before it is a dead letter; of SQS, what `provision` sets."""

    sqs_queue_url: str | None = None
    sqs_receivers: Annotated[int, Meta(ge=1, le=32)] = 4
    """How many long polls a consumer has under way at the most."""
    sqs_receive_pause: NotNegative = 0.2
    """How far apart polls start that find little, so that each brings more."""
    sqs_poll_wait: Annotated[int, Meta(ge=1, le=20)] = 20
    """How long a poll waits for messages."""

    storage_backend: Literal["local", "s3", "memory"] = "local"
    s3_bucket: str | None = None
    s3_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!_.*'()/=-]*$")] = ""
    """What the keys of all objects begin with, as a folder."""
    raw_format: RawFormat = "jsonl"

    ingest_linger: NotNegative | None = None
    """How long a POST may wait for others to share a queue message with; see `linger_s`."""
    ingest_max_body: Count = 10_000_000
    """How many bytes a body may have, both as it comes and decompressed."""
    ingest_max_waiting: Count = 64_000_000
    """How many bytes of bodies may arrive and wait for the queue before the receiver answers 503."""
    ingest_max_head: Count = 32_768
    """How many bytes the head of a request may have."""
    ingest_max_headers: Count = 100
    """How many header lines a request may have."""
    ingest_max_url: Count = 8_192
    """How many bytes a URL may have."""
    ingest_max_connections: Count = 1_000
    """How many connections there may be, to each worker."""
    ingest_head_timeout: Positive = 15
    """How long a client may take to send the head of a request."""
    ingest_body_timeout: Positive = 60
    """How long a body may make no progress."""
    ingest_keep_alive: Positive = 75
    """How long an idle connection stays open; load balancers keep theirs for 60 seconds."""
    ingest_rate: NotNegative = 0
    """How many records a second `API_KEY` may send; 0 is any number."""

    batch_size: Count = 100
    """After how many records a batch is stored."""
    batch_timeout: Positive = 2
    """After how long a batch is stored that has fewer."""

    partition_buckets: Annotated[int, Meta(ge=1, le=1000)] = 1
    skew_max_past: NotNegative = 7 * 24 * 3600
    """How far a vehicle's clock may be behind the receiver's, coverage gaps included."""
    skew_max_future: NotNegative = 300

    aggregate_interval: Positive = 10
    """How often the aggregator looks for hours that have changed."""

    shutdown_timeout: Positive = 8
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
    def batch_limits(self) -> BatchLimits:
        return BatchLimits(self.batch_size, MAX_BATCH, self.batch_timeout)

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


def load(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """Read the settings; the environment goes before the file. Raise SettingsError naming all that is wrong.

    What the file says of `AWS_*` is put into the process's environment, where AWS's SDK looks for it. What
    the process makes from now on, beside queue and store, is as private as FILE_MODE says.
    """
    given = {name: value for name, value in dotenv_values(dotenv).items() if value is not None}
    if environment is None:
        for name, value in given.items():
            if name.startswith("AWS_"):
                os.environ.setdefault(name, value)
    given.update(os.environ if environment is None else environment)
    known = {field.name.upper(): field for field in msgspec.structs.fields(Settings)}
    faults = list(_misspelt(given, known))
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name in given:
            try:
                values[field.name] = msgspec.convert(given[name], field.type, strict=False, dec_hook=_make)
            except msgspec.ValidationError as error:
                faults.append(f"{name}: {error}")
    faults += _missing(values)
    if faults:
        raise SettingsError("; ".join(faults))
    configured = Settings(**values)
    if environment is None and configured.modes.umask is not None:
        os.umask(configured.modes.umask)
    return configured


def _missing(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("queue_backend") == "sqs" and not values.get("sqs_queue_url"):
        yield "SQS_QUEUE_URL: not set; QUEUE_BACKEND=sqs needs it"
    if values.get("storage_backend") == "s3" and not values.get("s3_bucket"):
        yield "S3_BUCKET: not set; STORAGE_BACKEND=s3 needs it"


def _misspelt(given: Mapping[str, str], known: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(given.keys() - known.keys()):
        alike = [each for each in get_close_matches(name, known, n=1, cutoff=0.85) if each[0] == name[0]]
        if alike:
            yield f"{name}: unknown, did you mean {alike[0]}?"
        elif name.startswith(_OWN_FAMILIES):
            yield f"{name}: unknown; there are {', '.join(sorted(known))}"


def _make(kind: type, value: object) -> object:
    """Make what msgspec does not know how to make out of a text."""
    return kind(value)
