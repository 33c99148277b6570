"""`telemetry provision`: makes the queues and the bucket on AWS, as far as they are not there yet."""

import argparse
from collections.abc import Sequence

from telemetry.adapters.provision import Plan, Provisioner
from telemetry.entrypoints.process import log, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings, SettingsError


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry provision", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--dry-run", action="store_true", help="say what is to be done")
    mode.add_argument("--apply", action="store_true", help="do it, and print the settings to put into .env")
    parser.add_argument(
        "--queue",
        help="its name; .fifo at its end makes it FIFO (default: as in SQS_QUEUE_URL, or telemetry)",
    )
    parser.add_argument("--bucket", help="its name, which nobody else may have (default: S3_BUCKET)")
    chosen = parser.parse_args(arguments)
    configured = settings.load()
    log.configure(configured, "Provision")
    provisioner = Container(settings=configured).provisioner(
        plan=plan(configured, chosen.queue, chosen.bucket)
    )
    try:
        return _apply(provisioner) if chosen.apply else _show(provisioner)
    finally:
        provisioner.close()


def plan(configured: Settings, queue: str | None, bucket: str | None) -> Plan:
    """Say what is wanted. Raises SettingsError if there is no name for the bucket."""
    bucket = bucket or configured.s3_bucket
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
    screen.complain(f"{len(changes)} changes to make")
    return 0


def _apply(provisioner: Provisioner) -> int:
    count = 0
    for change in provisioner.changes():
        change.apply()
        screen.complain(f"did {change.what}")
        count += 1
    screen.complain(f"{count} changes made")
    for line in provisioner.settings():
        screen.say(line)
    return 0
