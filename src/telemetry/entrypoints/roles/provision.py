"""`telemetry provision`: makes the queues and the bucket on AWS, as far as they are not there yet.

What others set there under names of their own stays, and so does what is stronger than what is wanted. What
differs in another way is named, and is replaced only with --force.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.adapters.provision import Change, Plan, Provisioner
from telemetry.domain.errors import UsageError
from telemetry.entrypoints.process import log, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings

_LONGEST_LEASE_S: Final = 43_200
_DAY_S: Final = 24 * 3600
_NAME_OF_KEY: Final = r"^[A-Za-z0-9:/_-]{1,2048}$"


class ProvisionOptions(msgspec.Struct, frozen=True):
    """Whether to change anything, what may be lost by it, and what queue and bucket are to be.

    `retention` is in days. A dead letter is kept for 14 days since it was first sent.
    """

    apply: bool = False
    force: bool = False
    queue: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,75}(\.fifo)?$")] | None = None
    bucket: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")] | None = None
    kms_key: Annotated[str, Meta(pattern=_NAME_OF_KEY)] = ""
    retention: Annotated[int, Meta(ge=1, le=13)] = 7


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("provision", __doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--dry-run", action="store_true", help="print what is to be done")
    mode.add_argument("--apply", action="store_true", help="do it, and print the settings to put into .env")
    parser.add_argument("--force", action="store_true", help="also replace what is set there and differs")
    parser.add(
        ProvisionOptions,
        queue="NAME: of the queue; .fifo at its end makes it FIFO (default: as in SQS_QUEUE_URL, or telemetry)",
        bucket="NAME: of the bucket, which nobody else may have (default: S3_BUCKET)",
        kms_key="KEY: ARN, id or alias of the KMS key to encrypt with (default: keys of SQS and S3)",
        retention="DAYS: for which the queue keeps a message that nobody takes",
    )
    options = parser.read(arguments).to(ProvisionOptions)
    configured = settings.load()
    log.configure(configured, "Provision")
    provisioner = Container(settings=configured).provisioner(plan=plan(configured, options))
    try:
        return _apply(provisioner, force=options.force) if options.apply else _show(provisioner)
    finally:
        provisioner.close()


def plan(configured: Settings, options: ProvisionOptions) -> Plan:
    """Return what is wanted. Raise SettingsError if there is no name for the bucket."""
    bucket = options.bucket or configured.s3_bucket
    if not 1 <= configured.queue_visibility_timeout <= _LONGEST_LEASE_S:
        raise SettingsError(f"QUEUE_VISIBILITY_TIMEOUT: expected 1 to {_LONGEST_LEASE_S} on SQS")
    if not bucket:
        raise SettingsError("S3_BUCKET: not set; name the bucket there or by --bucket")
    return Plan(
        queue=options.queue or (configured.sqs_queue_url or "telemetry").rpartition("/")[2],
        bucket=bucket,
        prefix=configured.s3_prefix,
        visibility=round(configured.queue_visibility_timeout),
        max_receives=configured.queue_max_receives,
        retention=options.retention * _DAY_S,
        kms_key=options.kms_key,
    )


def _show(provisioner: Provisioner) -> int:
    changes = list(provisioner.changes())
    for change in changes:
        screen.say(f"would {_line(change)}")
    screen.complain(f"{screen.counted(len(changes), 'change')} to make")
    _warn(provisioner)
    return 0


def _apply(provisioner: Provisioner, *, force: bool) -> int:
    """Make all changes, or none if one of them would lose what is set, and that was not asked for."""
    if not force:
        for change in list(provisioner.changes()):
            _refuse_loss(change)
    count = 0
    for change in provisioner.changes():
        if not force:
            _refuse_loss(change)  # that somebody set meanwhile
        change.apply()
        screen.complain(f"did {change.what}")
        count += 1
    screen.complain(f"{screen.counted(count, 'change')} made")
    _warn(provisioner)
    for line in provisioner.settings():
        screen.say(line)
    return 0


def _warn(provisioner: Provisioner) -> None:
    """Say what others set that takes away what is stored: it is theirs, and is left as it is."""
    for rule in provisioner.expiries():
        screen.complain(f"warning: the bucket has the rule {rule}: with it records or figures are lost")


def _refuse_loss(change: Change) -> None:
    if change.replaces:
        raise UsageError(f"--force: not given, and this would {_line(change)}; --dry-run shows all of it")


def _line(change: Change) -> str:
    lost = f", which replaces {', '.join(change.replaces)}" if change.replaces else ""
    return f"{change.what}{lost}"
