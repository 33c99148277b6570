"""Options of the roles that make things go wrong on purpose: what, and how often."""

import argparse
from typing import Final

from telemetry.entrypoints.process.options import Parser

_OPTIONS: Final = {
    "offline": (0.2, "of the time each vehicle is out of coverage, and then posts in a burst"),
    "clock-skew": (0.1, "of the vehicles have a clock that is wrong, half of them beyond belief"),
    "duplicates": (0.05, "of the records are sent again, as by a client that saw no answer"),
    "reorder": (0.2, "of the records are sent late"),
    "corrupt": (0.01, "of what is sent is damaged, and is to be rejected"),
}


def add_options(parser: Parser) -> None:
    """Add what converts into `Shares`."""
    group = parser.add_argument_group("mishaps", "a share from 0 to 1 each, and none unless asked for")
    for name, (usual, what) in _OPTIONS.items():
        group.add_argument(
            f"--{name}",
            nargs="?",
            const=usual,
            default=argparse.SUPPRESS,
            metavar="SHARE",
            help=f"{what} (without a share: {usual:g})",
        )
