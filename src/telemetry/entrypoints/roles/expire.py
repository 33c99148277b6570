"""`telemetry expire`: removes the records of old hours for good, and keeps their figures.

EXPIRE_AFTER_DAYS or --days says how old; without both, nothing is removed.
On S3 a lifecycle rule of the bucket does the same.
"""

from collections.abc import Sequence

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, format_hour
from telemetry.domain.lake.expire import Expiry
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Count, Parser


class ExpireOptions(msgspec.Struct, frozen=True):
    """How many days records are kept, and whether anything is removed."""

    days: Count | None = None
    dry_run: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("expire", __doc__)
    parser.add(ExpireOptions, days="N: remove the records of hours that ended N days ago or earlier")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be removed, and remove nothing"
    )
    options = parser.read(arguments).to(ExpireOptions)
    configured = settings.load()
    days = options.days or configured.expire_after_days
    if days is None:
        raise SettingsError("EXPIRE_AFTER_DAYS: not set, so that nothing expires; set it, or give --days")
    log.configure(configured, "Expire")
    return runtime.run(lambda _: _expire(Container(settings=configured), days, options))


async def _expire(container: Container, days: int, options: ExpireOptions) -> int:
    async with opened(container.storage):
        expiry = Expiry(container.storage(), days * 24 * HOUR_MS)
        found = await expiry.expire(container.clock().wall_ms(), is_trial=options.dry_run)
    rows = [(format_hour(each.hour), each.objects, f"{each.size:,}") for each in found]
    title = "Would be removed" if options.dry_run else "Removed"
    screen.table(f"{title}: records older than {days} days", ("hour (UTC)", "objects", "bytes"), rows)
    return 0
