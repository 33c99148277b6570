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
from telemetry.domain.can.replay import Extent, LogReplay, ReplayCounts, paced, start_ms
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.record import LONGEST_VEHICLE_ID, VEHICLE_ID
from telemetry.entrypoints.process import extras, log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import sending
from telemetry.entrypoints.shared.sending import SendOptions

if TYPE_CHECKING:
    from telemetry.adapters.can.log import CanLog  # which is there only with the extra

_FRAMES: Final = 4096  # that are decoded in one go: some 30 ms, in which nothing else happens
# Ids that are named of each kind, unless all are asked for: a bus has hundreds that no file defines.
_NAMED: Final = 10
_SLOWEST: Final = 1e-3
_FASTEST: Final = 1e6


class ReplayOptions(msgspec.Struct, frozen=True):
    """Which log of which vehicle, when it begins, how fast it is played, and whether all ids are named."""

    file: Path
    vehicle_id: str
    dbc: Path | None = None
    start_ms: int | None = msgspec.field(default=None, name="start")
    keep_time: bool = False
    speed: Annotated[float, Meta(gt=0)] = math.inf
    verbose: bool = False


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
        type=vehicle,
        metavar="ID",
        help="the vehicle whose records these are: veh-00001",
    )
    times = parser.add_mutually_exclusive_group()
    times.add_argument(
        "--start",
        type=moment,
        default=argparse.SUPPRESS,
        metavar="TIME",
        help="when the log starts: 2025-10-19T12:34:56Z (default: so that it ends now; at a speed, now)",
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
    parser.add_argument(
        "--verbose",
        action="store_true",
        help=f"name all ids, and not the {_NAMED} most frequent of each kind",
    )
    sending.add_options(parser)


def moment(text: str) -> int:
    """Read a moment in RFC 3339, with its offset, as epoch milliseconds."""
    try:
        return epoch_ms(msgspec.convert(text, Annotated[datetime, Meta(tz=True)]))
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError("it is a moment with its offset: 2025-10-19T12:34:56Z") from None


def speed(text: str) -> float:
    """Read a speed: a number above 0."""
    if not _SLOWEST <= float(text) <= _FASTEST:
        raise argparse.ArgumentTypeError(f"{text}: it is a number above 0, from {_SLOWEST:g} to {_FASTEST:g}")
    return float(text)


def vehicle(text: str) -> str:
    """Read the id of a vehicle."""
    if len(text) > LONGEST_VEHICLE_ID or not VEHICLE_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text[:100]!r}: it is 1 to {LONGEST_VEHICLE_ID} of the characters A-Z a-z 0-9 . _ : -"
        )
    return text


async def replay(
    container: Container, options: ReplayOptions, send: SendOptions, stopping: asyncio.Event
) -> int:
    """Post a log and print what became of its frames; return 0 if all that were decoded were accepted.

    Raise MissingExtraError if what reads logs is not installed, UnreadableError or OSError if the log or its
    definitions cannot be read.
    """
    with extras.needed("can"):
        from telemetry.adapters.can.dbc import BMW_I3, Dbc  # noqa: PLC0415  # an extra, which need not be there
        from telemetry.adapters.can.log import CanLog  # noqa: PLC0415  # as above
    definitions, frames = Dbc(options.dbc or BMW_I3), CanLog(options.file, absolute=options.keep_time)
    async with sending.sender(container, send) as sender:
        start = None if options.keep_time else await _start_ms(container, options, CanLog, stopping)
        log_replay = container.log_replay(definitions.decode, options.vehicle_id, start)
        runs = paced(frames, _FRAMES, options.speed)
        skewed = await _send(container, frames, runs, log_replay, sender, stopping)
    status = sending.conclude(sender)
    _report(log_replay.counts, frames.skipped, sender, None if options.verbose else _NAMED)
    if skewed:
        _warn(skewed, container.settings())
    faults = _faults(log_replay.counts, frames, stopping)
    for fault in faults:
        screen.complain(fault)
    return status or int(bool(faults))


async def _start_ms(
    container: Container, options: ReplayOptions, open_log: "type[CanLog]", stopping: asyncio.Event
) -> int:
    """Return when the log starts: as chosen, or so that its records can be believed when they are sent.

    For that, a log that is not played at its own speed is read once before, but for one that can be read only
    once.
    """
    if options.start_ms is not None:
        return options.start_ms
    extent = Extent()
    if options.speed > 1 and options.file.is_file():
        frames = open_log(options.file)
        with screen.progress() as progress:
            bar = progress.add_task("reading times", total=frames.size, note="")
            for _, run in paced(frames, _FRAMES, math.inf):
                extent.add(run)
                progress.update(bar, completed=frames.position)
                await asyncio.sleep(0)  # so that the signal to stop is seen
                if stopping.is_set():
                    break
    ahead_ms = container.settings().partition_policy.future_ms
    return start_ms(container.clock().wall_ms(), extent.seconds, options.speed, ahead_ms)


async def _send(  # noqa: PLR0913, PLR0917  # what is sent, how it is read, paced and decoded, and where it goes
    container: Container,
    frames: "CanLog",
    runs: Iterable[tuple[float, Sequence[Frame]]],
    log_replay: LogReplay,
    sender: ConcurrentSender,
    stopping: asyncio.Event,
) -> int:
    """Send the records of the log, until told to stop.

    Return how many are too far from now to be believed.
    """
    clock, policy = container.clock(), container.settings().partition_policy
    started_s, skewed = clock.monotonic_s(), 0
    with screen.progress() as progress:
        bar = progress.add_task("replaying", total=frames.size, note="")
        for due_s, run in runs:
            await runtime.pause(stopping, started_s + due_s - clock.monotonic_s())
            if stopping.is_set() or sender.is_refused:
                break
            records = log_replay.records(run)
            now_ms = clock.wall_ms()
            skewed += sum(
                policy.place(msgspec.structs.replace(record, received_ms=now_ms)).tree == "skewed"
                for record in records
            )
            await sender.send(records)
            progress.update(
                bar, completed=frames.position, note=f"{screen.counted(sender.accepted, 'record')} accepted"
            )
    return skewed


def _report(counts: ReplayCounts, skipped: Counter[str], sender: ConcurrentSender, most: int | None) -> None:
    """Say what became of the frames: first by name what is not in the records, on the last line all counts.

    Of each kind, at most `most` are named.
    """
    for thing, what, counter in (
        ("frame", "without a definition", counts.undefined),
        ("frame", "that could not be decoded", counts.undecodable),
        ("frame", "shorter than the definition, decoded as far as the data goes", counts.short),
        ("value", "not available, left out", counts.unavailable),
        ("frame", "with no value available, not posted", counts.blank),
        ("frame", f"nudged to a free millisecond, by {counts.furthest} ms at the most", counts.nudged),
        ("frame", "without data, skipped", skipped),
    ):
        _name(thing, what, counter, most)
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


def _name(thing: str, what: str, counter: Counter[str], most: int | None) -> None:
    if total := counter.total():
        named = [f"{name}: {count}" for name, count in counter.most_common() if count]
        left = len(named[most:]) if most else 0
        more = f", and {screen.counted(left, 'more id')} (--verbose names all)" if left else ""
        screen.explain(f"{screen.counted(total, thing)} {what}: {', '.join(named[:most])}{more}")


def _warn(skewed: int, configured: Settings) -> None:
    lies = "lies" if skewed == 1 else "lie"
    screen.complain(
        f"{screen.counted(skewed, 'record')} {lies} more than {configured.skew_max_past:g} s before or "
        f"{configured.skew_max_future:g} s after the moment of sending: the receiver stores such records apart, as "
        "skewed, and they count in no hour; --start chooses another moment"
    )


def _faults(counts: ReplayCounts, frames: "CanLog", stopping: asyncio.Event) -> Sequence[str]:
    """List what keeps this from being the whole log."""
    faults = [frames.fault] if frames.fault else []
    if stopping.is_set():
        faults.append(f"{frames.path}: stopped after {screen.counted(counts.frames, 'frame')}")
    elif not counts.records:
        faults.append(
            f"{frames.path}: none of {counts.frames} frames could be posted; is the DBC that of this bus?"
        )
    return faults
