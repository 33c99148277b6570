"""The options of `telemetry replay`: which logs, which of their frames, when they begin, and how fast."""

import argparse
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from telemetry.domain.can.choice import Choice
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.record import LONGEST_VEHICLE_ID, VEHICLE_ID
from telemetry.entrypoints.process.options import Parser

_NAMED: Final = 10  # ids of each kind, unless all are asked for: a bus has hundreds that no file defines
_SLOWEST: Final = 1e-3
_FASTEST: Final = 1e6


class ReplayOptions(msgspec.Struct, frozen=True):
    """Which logs of which vehicle, which of their frames, when they begin, how fast, and what is said."""

    files: Sequence[str]
    vehicle_id: str = ""
    dbc: Sequence[str] = ()
    channel: Sequence[str] = ()
    received_only: bool = False
    name_buses: bool = False
    timezone: str | None = None
    start_ms: int | None = msgspec.field(default=None, name="start")
    keep_time: bool = False
    speed: Annotated[float, Meta(gt=0)] = math.inf
    dry_run: bool = False
    summary: Literal["text", "json"] = "text"
    all: bool = False

    @property
    def choice(self) -> Choice:
        return Choice(self.channel, not self.received_only, self.name_buses)

    @property
    def most(self) -> int | None:
        return None if self.all else _NAMED


def add_options(parser: Parser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="LOG",
        help="logs of any known kind, folders, patterns, - for standard input, or a bus: can0, socketcan:can0",
    )
    parser.add_argument(
        "--vehicle-id",
        default=argparse.SUPPRESS,
        dest="vehicle_id",
        type=vehicle,
        metavar="ID",
        help="the vehicle whose records these are: veh-00001",
    )
    parser.add_argument(
        "--dbc",
        action="append",
        default=[],
        metavar="[BUS=]FILE",
        help="definitions of the frames, of all buses or of one; may be repeated (default: those of a BMW i3)",
    )
    _add_choice(parser)
    _add_times(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="print what is in the logs, id by id, and post nothing"
    )
    parser.add(ReplayOptions, summary="KIND: text or json")
    parser.add_argument(
        "--all", action="store_true", help=f"name all ids, and not the {_NAMED} most frequent of each kind"
    )


def _add_choice(parser: Parser) -> None:
    parser.add_argument(
        "--channel", action="append", default=[], metavar="BUS", help="only this bus; may be repeated"
    )
    parser.add_argument(
        "--received-only", action="store_true", help="leave out the frames that the logger sent itself"
    )
    parser.add_argument(
        "--name-buses", action="store_true", help="put the bus before the name of each signal: can1_soc"
    )


def _add_times(parser: Parser) -> None:
    times = parser.add_mutually_exclusive_group()
    times.add_argument(
        "--start",
        type=moment,
        default=argparse.SUPPRESS,
        metavar="TIME",
        help="when the log starts: 2025-10-19T12:34:56Z (default: so that it ends now; at a speed, now)",
    )
    times.add_argument("--keep-time", action="store_true", help="leave the log at its own times")
    parser.add(
        ReplayOptions,
        {"timezone": timezone},
        timezone="ZONE: of the clock of logs whose times name none: Europe/Berlin (default: this machine's)",
    )
    paces = parser.add_mutually_exclusive_group()
    paces.add_argument(
        "--realtime", dest="speed", action="store_const", const=1.0, help="at the log's own speed"
    )
    paces.add_argument("--speed", type=speed, metavar="X", help="X times as fast as that")
    paces.add_argument(
        "--as-fast-as-possible", dest="speed", action="store_const", const=math.inf, help="(default)"
    )
    parser.set_defaults(speed=math.inf)


def moment(text: str) -> int:
    """Read a moment in RFC 3339, with its offset, as epoch milliseconds."""
    try:
        return epoch_ms(msgspec.convert(text, Annotated[datetime, Meta(tz=True)]))
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError("it is a moment with its offset: 2025-10-19T12:34:56Z") from None


def timezone(text: str) -> str:
    """Read the name of a time zone."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(f"{text[:60]!r}: it is a time zone like Europe/Berlin") from None


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
