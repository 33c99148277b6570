"""`telemetry replay`: decodes a CAN log and posts it, and says what became of every frame."""

import argparse
import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.coordination.sending import ConcurrentSender
from telemetry.domain.can.frame import Frame
from telemetry.domain.can.replay import LogReplay, ReplayCounts, paced
from telemetry.domain.contract.moment import epoch_ms
from telemetry.entrypoints.process import extras, log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import sending
from telemetry.entrypoints.shared.sending import SendOptions

if TYPE_CHECKING:
    from telemetry.adapters.can.log import CanLog  # which is there only with the extra

_FRAMES: Final = 4096  # that are decoded in one go: some 30 ms, in which nothing else happens


class ReplayOptions(msgspec.Struct, frozen=True):
    """Which log of which vehicle, when it begins, and how fast it is played."""

    file: Path
    vehicle_id: str
    dbc: Path | None = None
    start_ms: int | None = msgspec.field(default=None, name="start")
    keep_time: bool = False
    speed: Annotated[float, Meta(gt=0)] = math.inf


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("replay", __doc__)
    _add_options(parser)
    given = parser.read(arguments)
    options, send = given.to(ReplayOptions), given.to(SendOptions)
    configured = settings.load()
    log.configure(configured, "Replay")
    return runtime.run(lambda stopping: replay(Container(settings=configured), options, send, stopping))


def _add_options(parser: Parser) -> None:
    parser.add_argument("file", help="the log: .log of candump -L, .asc or .blf, each also as .gz")
    parser.add(ReplayOptions, dbc="FILE: the definitions of the frames (default: those of a BMW i3)")
    parser.add_argument(
        "--vehicle-id",
        required=True,
        dest="vehicle_id",
        help="the vehicle whose records these are: veh-00001",
    )
    times = parser.add_mutually_exclusive_group()
    times.add_argument(
        "--start",
        type=moment,
        default=argparse.SUPPRESS,
        metavar="TIME",
        help="when the log starts: 2025-10-19T12:34:56Z (default: now)",
    )
    times.add_argument("--keep-time", action="store_true", help="leave the log at its own times")
    paces = parser.add_mutually_exclusive_group()
    paces.add_argument(
        "--realtime", dest="speed", action="store_const", const=1.0, help="at the log's own speed"
    )
    paces.add_argument("--speed", type=speed, metavar="X", help="X times as fast as that")
    paces.add_argument(
        "--as-fast-as-possible", dest="speed", action="store_const", const=math.inf, help="(default)"
    )
    parser.set_defaults(speed=math.inf)
    sending.add_options(parser)


def moment(text: str) -> int:
    """Read a moment in RFC 3339, with its offset, as epoch milliseconds."""
    try:
        return epoch_ms(msgspec.convert(text, Annotated[datetime, Meta(tz=True)]))
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError("it is a moment with its offset: 2025-10-19T12:34:56Z") from None


def speed(text: str) -> float:
    """Read a speed: a number above 0."""
    if not float(text) > 0:
        raise argparse.ArgumentTypeError("it is a number above 0")
    return float(text)


async def replay(
    container: Container, options: ReplayOptions, send: SendOptions, stopping: asyncio.Event
) -> int:
    """Post a log and print what became of its frames; the exit status says whether all decoded ones were accepted.

    Raise MissingExtraError if what reads logs is not installed, UnreadableError or OSError if the log or its
    definitions cannot be read.
    """
    with extras.needed("can"):
        from telemetry.adapters.can.dbc import BMW_I3, Dbc  # noqa: PLC0415  # an extra, which need not be there
        from telemetry.adapters.can.log import CanLog  # noqa: PLC0415  # as above
    definitions, frames = Dbc(options.dbc or BMW_I3), CanLog(options.file, absolute=options.keep_time)
    async with sending.sender(container, send) as sender:
        start_ms = container.clock().wall_ms() if options.start_ms is None else options.start_ms
        log_replay = container.log_replay(
            definitions.decode, options.vehicle_id, None if options.keep_time else start_ms
        )
        runs = paced(frames, _FRAMES, options.speed)
        skewed = await _send(container, frames, runs, log_replay, sender, stopping)
    status = sending.conclude(sender)
    _report(log_replay.counts, frames.skipped, sender)
    if skewed:
        _warn(skewed, container.settings())
    faults = _faults(log_replay.counts, frames, stopping)
    for fault in faults:
        screen.complain(fault)
    return status or int(bool(faults))


async def _send(  # noqa: PLR0913, PLR0917  # what is sent, how it is read, paced and decoded, and where it goes
    container: Container,
    frames: "CanLog",
    runs: Iterable[tuple[float, Sequence[Frame]]],
    log_replay: LogReplay,
    sender: ConcurrentSender,
    stopping: asyncio.Event,
) -> int:
    """Send the records of the log, until told to stop; return how many are too far from now to be believed."""
    clock, policy = container.clock(), container.settings().partition_policy
    started_s, skewed = clock.monotonic_s(), 0
    with screen.progress() as progress:
        bar = progress.add_task("replaying", total=frames.size, note="")
        for due_s, run in runs:
            await runtime.pause(stopping, started_s + due_s - clock.monotonic_s())
            if stopping.is_set():
                break
            records = log_replay.records(run)
            now_ms = clock.wall_ms()
            skewed += sum(
                policy.place(msgspec.structs.replace(record, received_ms=now_ms)).tree == "skewed"
                for record in records
            )
            await sender.send(records)
            progress.update(bar, completed=frames.position, note=f"{sender.accepted} records accepted")
    return skewed


def _report(counts: ReplayCounts, skipped: Counter[str], sender: ConcurrentSender) -> None:
    """Say what became of the frames: first by name what is not in the records, on the last line all counts."""
    _name("frames without a definition", counts.undefined)
    _name("frames that could not be decoded", counts.undecodable)
    _name("frames shorter than their definition, decoded as far as they go", counts.short)
    _name("values not available, left out", counts.unavailable)
    _name("frames with no value available, not posted", counts.blank)
    _name(f"frames nudged to a free millisecond, by {counts.furthest} ms at the most", counts.nudged)
    _name("frames without data, skipped", skipped)
    totals = {
        "read": counts.frames,
        "decoded": counts.decoded,
        "posted": sender.posted,
        "accepted": sender.accepted,
        "undefined": counts.undefined.total(),
        "undecodable": counts.undecodable.total(),
        "blank": counts.blank.total(),
        "unavailable": counts.unavailable.total(),
        "nudged": counts.nudged.total(),
    }
    screen.say(f"replay: {' '.join(f'{name}={count}' for name, count in totals.items())}")


def _name(what: str, counter: Counter[str]) -> None:
    if total := counter.total():
        each = ", ".join(f"{name}: {count}" for name, count in counter.most_common() if count)
        screen.say(f"{total} {what}: {each}")


def _warn(skewed: int, configured: Settings) -> None:
    screen.complain(
        f"{skewed} records lie more than {configured.skew_max_past:g} s before or {configured.skew_max_future:g} s "
        "after the moment they were sent: the receiver stores them apart, as skewed, and they count in no hour; "
        "--start chooses another moment"
    )


def _faults(counts: ReplayCounts, frames: "CanLog", stopping: asyncio.Event) -> Sequence[str]:
    """List what keeps this from being the whole log."""
    faults = [frames.fault] if frames.fault else []
    if stopping.is_set():
        faults.append(f"{frames.path}: stopped after {counts.frames} frames")
    elif not counts.records:
        faults.append(
            f"{frames.path}: none of {counts.frames} frames could be posted; is the DBC that of this bus?"
        )
    return faults
