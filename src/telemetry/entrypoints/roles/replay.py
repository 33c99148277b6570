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

from telemetry.domain.can.frame import Frame
from telemetry.domain.can.replay import Book, Replay, portions
from telemetry.domain.contract.moment import epoch_ms
from telemetry.entrypoints.process import extras, log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import sending
from telemetry.entrypoints.shared.sending import Sender

if TYPE_CHECKING:
    from telemetry.adapters.can.log import CanLog  # which is there only with the extra

_FRAMES: Final = 4096  # that are decoded in one go: some 30 ms, in which nothing else happens


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry replay", description=__doc__)
    parser.add_argument("file", type=Path, help="the log: .log of candump -L, .asc or .blf, each also as .gz")
    parser.add_argument("--dbc", type=Path, help="the definitions of the frames (default: those of a BMW i3)")
    parser.add_argument("--vehicle-id", required=True, help="the vehicle whose records these are: veh-00001")
    times = parser.add_mutually_exclusive_group()
    times.add_argument(
        "--start",
        type=moment,
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
    sending.add_arguments(parser)
    chosen = parser.parse_args(arguments)
    configured = settings.load()
    log.configure(configured, "Replay")
    return runtime.run(lambda stopping: replay(Container(settings=configured), chosen, stopping))


def moment(text: str) -> int:
    """Read a moment in RFC 3339, with its offset, as epoch milliseconds."""
    try:
        return epoch_ms(msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)]))
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError("it is a moment with its offset: 2025-10-19T12:34:56Z") from None


def speed(text: str) -> float:
    """Read a speed: a number above 0."""
    if not float(text) > 0:
        raise argparse.ArgumentTypeError("it is a number above 0")
    return float(text)


async def replay(container: Container, chosen: argparse.Namespace, stopping: asyncio.Event) -> int:
    """Post a log and say what became of its frames; the exit status tells whether all that was decoded was accepted.

    Raises SettingsError if what reads logs is not installed, OSError if the log or its definitions cannot be read.
    """
    with extras.needed("can"):
        from telemetry.adapters.can.dbc import BMW_I3, Dbc  # noqa: PLC0415  # an extra, which need not be there
        from telemetry.adapters.can.log import CanLog  # noqa: PLC0415  # as above
    definitions, frames = Dbc(chosen.dbc or BMW_I3), CanLog(chosen.file, absolute=chosen.keep_time)
    async with sending.sender(container, chosen) as sender:
        start = container.clock().wall() if chosen.start is None else chosen.start
        replayed = Replay(definitions.decode, chosen.vehicle_id, None if chosen.keep_time else start)
        paced = portions(frames, _FRAMES, chosen.speed)
        skewed = await _send(container, frames, paced, replayed, sender, stopping)
    status = sending.conclude(sender)
    _report(replayed.book, frames.skipped, sender)
    if skewed:
        _warn(skewed, container.settings())
    faults = _faults(replayed.book, frames, stopping)
    for fault in faults:
        screen.complain(fault)
    return status or int(bool(faults))


async def _send(  # noqa: PLR0913, PLR0917  # what is sent, how it is read, paced and decoded, and where it goes
    container: Container,
    frames: "CanLog",
    paced: Iterable[tuple[float, Sequence[Frame]]],
    replayed: Replay,
    sender: Sender,
    stopping: asyncio.Event,
) -> int:
    """Send the records of the log, until told to stop; return how many are too far from now to be believed."""
    clock, policy = container.clock(), container.settings().policy
    started, skewed = clock.monotonic(), 0
    with screen.progress() as progress:
        bar = progress.add_task("replaying", total=frames.size, note="")
        for due, some in paced:
            await runtime.pause(stopping, started + due - clock.monotonic())
            if stopping.is_set():
                break
            records = replayed(some)
            now = clock.wall()
            skewed += sum(
                policy.place(msgspec.structs.replace(record, received=now)).tree == "skewed"
                for record in records
            )
            await sender.send(records)
            progress.update(bar, completed=frames.position, note=f"{sender.accepted} records accepted")
    return skewed


def _report(book: Book, skipped: Counter[str], sender: Sender) -> None:
    """Say what became of the frames: first by name what is not in the records, on the last line all counts."""
    _name("frames without a definition", book.undefined)
    _name("frames that could not be decoded", book.undecodable)
    _name("frames shorter than their definition, decoded as far as they go", book.short)
    _name("values not available, left out", book.unavailable)
    _name("frames with no value available, not posted", book.blank)
    _name(f"frames nudged to a free millisecond, by {book.furthest} ms at the most", book.nudged)
    _name("frames without data, skipped", skipped)
    counts = {
        "read": book.frames,
        "decoded": book.decoded,
        "posted": sender.sent,
        "accepted": sender.accepted,
        "undefined": book.undefined.total(),
        "undecodable": book.undecodable.total(),
        "blank": book.blank.total(),
        "unavailable": book.unavailable.total(),
        "nudged": book.nudged.total(),
    }
    screen.say(f"replay: {' '.join(f'{name}={count}' for name, count in counts.items())}")


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


def _faults(book: Book, frames: "CanLog", stopping: asyncio.Event) -> Sequence[str]:
    """List what keeps this from being the whole log."""
    faults = [frames.fault] if frames.fault else []
    if stopping.is_set():
        faults.append(f"{frames.path}: stopped after {book.frames} frames")
    elif not book.records:
        faults.append(
            f"{frames.path}: none of {book.frames} frames could be posted; is the DBC that of this bus?"
        )
    return faults
