"""`telemetry skewed`: lists the records whose clocks were not believed, and judges them again.

With `--received-offset` a receiver's clock that was wrong is put right: the median offset that `list` shows,
if all vehicles have it.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telemetry.domain.contract.moment import Hour, Span, format_hour
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.refile import SkewedTree
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, hour

Offset = Annotated[float, Meta(ge=-3e9, le=3e9)]  # a century


class SkewedOptions(msgspec.Struct, frozen=True):
    """What to do, with the records received in which hours."""

    action: Literal["list", "refile"]
    first: int | None = msgspec.field(default=None, name="from")
    last: int | None = msgspec.field(default=None, name="to")
    received_offset_s: Offset = msgspec.field(default=0.0, name="received_offset")
    json: bool = False

    @property
    def span(self) -> Span:
        first, last = (None if each is None else Hour(each) for each in (self.first, self.last))
        return Span(first, last)


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("skewed", __doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser(
        "list", help="by hour of receipt: records, vehicles, median offset of their clocks"
    )
    refile = actions.add_parser("refile", help="file what is believed now in the hours of its own time")
    for action, is_required in ((listing, False), (refile, True)):
        for name, what in (
            ("--from", "received in this hour or later"),
            ("--to", "and in this one or earlier"),
        ):
            action.add_argument(name, type=hour, required=is_required, metavar="H", help=what)
        action.add_argument("--json", action="store_true", help="as JSON")
    refile.add_argument(
        "--received-offset",
        default=0.0,
        metavar="SECONDS",
        help="how much later they were received than they say",
    )
    if not arguments:
        parser.print_help()
        return 0
    options = parser.read(arguments).to(SkewedOptions)
    if options.first is not None and options.last is not None and options.last < options.first:
        parser.error("argument --to: it is before --from")
    configured = settings.load()
    log.configure(configured, "Skewed")
    return runtime.run(lambda _: _act(Container(settings=configured), options))


async def _act(container: Container, options: SkewedOptions) -> int:
    async with opened(container.storage):
        tree = container.skewed()
        return await (_list(tree, options) if options.action == "list" else _refile(container, tree, options))


async def _list(tree: SkewedTree, options: SkewedOptions) -> int:
    rows, damaged = [], False
    async for each in tree.hours(options.span):
        named = format_hour(each.hour)
        rows.append((named, each.records, each.vehicles, f"{each.median_offset_s:.3f} s"))
        damaged |= _complain(each.damage)
        if options.json:
            _say_json(
                hour=named,
                records=each.records,
                vehicles=each.vehicles,
                median_offset_s=each.median_offset_s,
                damaged=len(each.damage),
            )
    if not options.json:
        columns = ("hour (UTC)", "records", "vehicles", "median offset")
        screen.table("Skewed records by hour of receipt", columns, rows)
    return int(damaged)


async def _refile(container: Container, tree: SkewedTree, options: SkewedOptions) -> int:
    filed, left, hours, damaged = 0, 0, set[Hour](), False
    offset_ms, now_ms = round(options.received_offset_s * 1000), container.clock().wall_ms()
    async for each in tree.refile(options.span, offset_ms, now_ms):
        filed += each.filed
        left += each.left
        hours |= each.hours
        damaged |= _complain(each.damage)
    if options.json:
        _say_json(filed=filed, left=left, hours=sorted(map(format_hour, hours)))
        return int(damaged)
    screen.say(
        f"refiled {screen.counted(filed, 'record')} into {screen.counted(len(hours), 'hour')}, "
        f"which an aggregator builds next; {screen.counted(left, 'line')} stay"
    )
    return int(damaged)


def _say_json(**fields: object) -> None:
    screen.say(msgspec.json.encode(fields).decode())


def _complain(damage: Sequence[DamagedObjectError]) -> bool:
    for error in damage:
        screen.complain(str(error))
    return bool(damage)
