"""`telemetry hours`: says which hours are complete, what is missing in them, and waits for one.

Without an action it lists the hours of the last day, or those from --from to --to. `show` tells all that is
known of one. With --wait it waits until an hour is as --require says, for a job that starts then: the exit
status is 0 once it is, and 1 with the reason if it is not by --timeout or cannot become so.
"""

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import msgspec

from telemetry.domain.contract.moment import Hour, format_hour, hour_of
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.figures import certificate, require
from telemetry.domain.figures.certificate import Held
from telemetry.domain.figures.report import Line, Report
from telemetry.domain.figures.require import Outcome, Requirement
from telemetry.entrypoints.process import heartbeat, log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, Seconds, hour

_DAY: Final = 24
_LOOK_EVERY_S: Final = 1.0
_COLUMNS: Final = (
    *("hour", "state", "revision", "records", "unique", "duplicates", "conflicting", "vehicles"),
    *("absent", "gaps", "missing", "late"),
)


class HoursOptions(msgspec.Struct, frozen=True):
    """Which hours to list, the one to show, or the one to wait for, and what it has to be."""

    action: Literal["show"] | None = None
    shown: int = 0
    first: int | None = msgspec.field(default=None, name="from")
    last: int | None = msgspec.field(default=None, name="to")
    wait: int | None = None
    require: str = "complete"
    timeout_s: Seconds = msgspec.field(default=3600, name="timeout")
    json: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    options = _options(arguments)
    configured = settings.load()
    log.configure(configured, "Hours")
    container = Container(settings=configured)
    return runtime.run(lambda stopping: _act(container, options, stopping))


def _options(arguments: Sequence[str]) -> HoursOptions:
    parser = Parser.of("hours", __doc__)
    for name, what in (
        ("--from", "list the hours from this one, for example 2025-10-19T14 (UTC)"),
        ("--to", "to this one, which is listed too"),
        ("--wait", "wait for this one"),
    ):
        parser.add_argument(name, type=hour, default=argparse.SUPPRESS, metavar="H", help=what)
    parser.add(
        HoursOptions,
        {"require": _requirement},
        require="WHAT: what to wait for: complete, or complete and a bound like 'gaps<1%%'",
        timeout="SECONDS: how long to wait",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    show = parser.add_subparsers(dest="action").add_parser("show", help="all that is known of an hour")
    show.add_argument("shown", type=hour, metavar="H")
    show.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="as JSON")
    options = parser.read(arguments).to(HoursOptions)
    if options.first is not None and options.last is not None and options.last < options.first:
        parser.error("argument --to: it is before --from")
    if options.wait is not None and (options.action or options.first is not None or options.last is not None):
        parser.error("argument --wait: it goes with --require and --timeout alone")
    return options


def _requirement(text: str) -> str:
    try:
        require.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


async def _act(container: Container, options: HoursOptions, stopping: asyncio.Event) -> int:
    async with opened(container.archive_reader, container.lookout):
        if options.wait is not None:
            return await _wait(container, Hour(options.wait), options, stopping)
        if options.action == "show":
            return await _show(container, Hour(options.shown), as_json=options.json)
        return await _list(container, options)


async def _list(container: Container, options: HoursOptions) -> int:
    now = hour_of(container.clock().wall_ms())
    last = max(now, options.first or 0) if options.last is None else options.last
    first = last - _DAY + 1 if options.first is None else options.first
    hours = cast("Sequence[Hour]", range(first, last + 1))
    lines = [line async for line in container.hours().lines(hours)]
    if options.json:
        for line in lines:
            screen.say(msgspec.json.encode(line).decode())
    elif lines:
        screen.table("Hours", _COLUMNS, map(_row, lines))
    if not lines:
        screen.complain(
            f"no hour from {format_hour(Hour(first))} to {format_hour(Hour(last))} has certified figures"
        )
    return 0


def _row(line: Line) -> Sequence[object]:
    shown: dict[str, Any] = msgspec.to_builtins(line)
    shown |= {"hour": line.hour[: len("2025-10-19T14")], "missing": f"{line.missing_share:.2%}"}
    if not line.is_measured:
        shown |= {"gaps": "-", "missing": "-"}
    return [shown[name] for name in _COLUMNS]


async def _show(container: Container, shown: Hour, *, as_json: bool) -> int:
    report = await container.hours().report(shown)
    if report is None:
        screen.complain(f"{format_hour(shown)}: it has no certified figures")
        return 1
    if as_json:
        screen.say(msgspec.json.encode(report).decode())
    else:
        _tell(report)
    return 0


def _tell(report: Report) -> None:
    """Print a report for a person."""
    line = report.line
    screen.table(f"{line.hour[:13]} is {line.state} since {line.since}", _COLUMNS, [_row(line)])
    if line.reason:
        screen.explain(line.reason)
    screen.table(
        "History",
        ("revision", "built", "complete since", "records", "unique", "digest"),
        [
            (
                each.number,
                each.built,
                each.completed or "-",
                each.counts.records,
                each.counts.unique,
                each.input_digest,
            )
            for each in report.history
        ],
    )
    if report.with_gaps:
        rows = [
            (
                f"{vehicle_id} {can_id}",
                each.period_s,
                each.received,
                each.expected,
                each.gaps,
                each.longest_gap_s,
                each.longest_gap_from,
            )
            for vehicle_id, streams in report.with_gaps.items()
            for can_id, each in streams.items()
        ]
        screen.table(
            "Gaps", ("stream", "period s", "received", "expected", "gaps", "longest s", "from"), rows
        )
    if report.absent:
        absent = [(name, each.last, "yes" if each.asleep else "no") for name, each in report.absent.items()]
        screen.table("Absent", ("vehicle", "last record", "asleep"), absent)


async def _wait(container: Container, wanted: Hour, options: HoursOptions, stopping: asyncio.Event) -> int:
    """Wait until an hour meets the requirement; say why it does, or why it does not.

    An hour that is open for longer than the timeout is looked at once.
    """
    clock, requirement = container.clock(), require.parse(options.require)
    closes_ms = certificate.closes_ms(wanted, container.settings().certificate_terms.lateness_ms)
    is_in_time = closes_ms - clock.wall_ms() <= options.timeout_s * 1000
    deadline_s = clock.monotonic_s() + (options.timeout_s if is_in_time else 0.0)
    while True:
        outcome, why = await _outcome(container, wanted, requirement)
        left_s = deadline_s - clock.monotonic_s()
        if outcome != "wait" or left_s <= 0 or stopping.is_set():
            break
        await runtime.pause(stopping, min(_LOOK_EVERY_S, left_s))
    if outcome == "met":
        screen.say(f"{format_hour(wanted)}: {why}")
        return 0
    if outcome == "wait" and not is_in_time:
        why = f"{why}; it is still open when --timeout ends"
    elif outcome == "wait":
        why = "; ".join([why, *await _now(container, wanted)])
    screen.complain(f"{format_hour(wanted)}: {why}")
    return 1


async def _outcome(container: Container, wanted: Hour, requirement: Requirement) -> tuple[Outcome, str]:
    try:
        return requirement.outcome(await container.hours().line(wanted))
    except OutOfReachError as error:
        return "wait", str(error)


async def _now(container: Container, wanted: Hour) -> Sequence[str]:
    """Say what keeps an hour from being as required at this moment: what is on its way, and who is away."""
    configured = container.settings()
    until_ms = certificate.closes_ms(wanted, configured.certificate_terms.lateness_ms)
    said = []
    try:
        evidence = await container.inquiry().ask(container.clock().wall_ms())
        held = evidence.of_hour(wanted, until_ms, configured.partition_policy).held
        said += [f"now {certificate.why(held)}"] if held != Held() else []
    except OutOfReachError as error:
        said.append(str(error))
    age_s = heartbeat.last_seen_s(configured.data_dir, "aggregator")
    seen = "none was seen here" if age_s is None else f"one was last seen {age_s:.0f} s ago"
    return [*said, f"does an aggregator run? {seen}"]
