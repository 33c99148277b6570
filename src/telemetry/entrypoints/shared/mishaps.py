"""What the roles that let things go wrong on purpose have in common: the options that say what, and how often."""

import argparse
from typing import Final

from telemetry.domain.vehicle.mishap import Mishaps, Shares

_OPTIONS: Final = {
    "offline": (0.2, "of the time each vehicle is out of coverage, and then posts in a burst"),
    "clock-skew": (0.1, "of the vehicles have a clock that is wrong, half of them beyond belief"),
    "duplicates": (0.05, "of the records are sent again, as by a client that saw no answer"),
    "reorder": (0.2, "of the records are sent late"),
    "corrupt": (0.01, "of what is sent is damaged, and is to be rejected"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("mishaps", "a share from 0 to 1 each, and none unless asked for")
    for name, (usual, what) in _OPTIONS.items():
        group.add_argument(
            f"--{name}",
            type=share,
            nargs="?",
            const=usual,
            default=0.0,
            metavar="SHARE",
            help=f"{what} (without a share: {usual:g})",
        )


def share(text: str) -> float:
    """Read a share: a number from 0 to 1."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError("it is a share from 0 to 1")
    return float(text)


def are_asked_for(chosen: argparse.Namespace) -> bool:
    return _shares(chosen) != Shares()


def of(chosen: argparse.Namespace, seed: int) -> Mishaps:
    """Make the mishaps that the arguments ask for."""
    return Mishaps(_shares(chosen), seed)


def _shares(chosen: argparse.Namespace) -> Shares:
    return Shares(chosen.offline, chosen.clock_skew, chosen.duplicates, chosen.reorder, chosen.corrupt)
