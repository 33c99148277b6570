"""`telemetry provision`: makes the queues and the bucket on AWS, as far as they are not there yet."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.adapters.provision import Plan, Provisioner
from telemetry.entrypoints.process import log, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings, SettingsError

_LONGEST_LEASE_S: Final = 43_200


class ProvisionOptions(msgspec.Struct, frozen=True):
    """Whether to change anything, and the names of queue and bucket."""

    apply: bool = False
    queue: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,75}(\.fifo)?$")] | None = None
    bucket: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")] | None = None


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("provision", __doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--dry-run", action="store_true", help="print what is to be done")
    mode.add_argument("--apply", action="store_true", help="do it, and print the settings to put into .env")
    parser.add(
        ProvisionOptions,
        queue="NAME: of the queue; .fifo at its end makes it FIFO (default: as in SQS_QUEUE_URL, or telemetry)",
        bucket="NAME: of the bucket, which nobody else may have (default: S3_BUCKET)",
    )
    options = parser.read(arguments).to(ProvisionOptions)
    configured = settings.load()
    log.configure(configured, "Provision")
    provisioner = Container(settings=configured).provisioner(
        plan=plan(configured, options.queue, options.bucket)
    )
    try:
        return _apply(provisioner) if options.apply else _show(provisioner)
    finally:
        provisioner.close()


def plan(configured: Settings, queue: str | None, bucket: str | None) -> Plan:
    """Return what is wanted. Raise SettingsError if there is no name for the bucket."""
    bucket = bucket or configured.s3_bucket
    if not 1 <= configured.queue_visibility_timeout <= _LONGEST_LEASE_S:
        raise SettingsError(f"QUEUE_VISIBILITY_TIMEOUT: expected 1 to {_LONGEST_LEASE_S} on SQS")
    if not bucket:
        raise SettingsError("S3_BUCKET: not set; name the bucket there or by --bucket")
    return Plan(
        queue=queue or (configured.sqs_queue_url or "telemetry").rpartition("/")[2],
        bucket=bucket,
        prefix=configured.s3_prefix,
        visibility=round(configured.queue_visibility_timeout),
        max_receives=configured.queue_max_receives,
    )


def _show(provisioner: Provisioner) -> int:
    changes = [change.what for change in provisioner.changes()]
    for what in changes:
        screen.say(f"would {what}")
    screen.complain(f"{screen.counted(len(changes), 'change')} to make")
    return 0


def _apply(provisioner: Provisioner) -> int:
    count = 0
    for change in provisioner.changes():
        change.apply()
        screen.complain(f"did {change.what}")
        count += 1
    screen.complain(f"{screen.counted(count, 'change')} made")
    for line in provisioner.settings():
        screen.say(line)
    return 0
