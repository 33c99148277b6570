"""`telemetry settings`: shows every setting with its value, its default, its unit and its origin.

A value comes from the environment, from the file `.env`, or is the default. Secrets are hidden.
"""

import sys
from collections.abc import Sequence

import msgspec

from telemetry.entrypoints.process import screen
from telemetry.entrypoints.process import settings as configured
from telemetry.entrypoints.process.options import Parser


class SettingsOptions(msgspec.Struct, frozen=True):
    """For whom it is."""

    json: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("settings", __doc__)
    parser.add_argument(
        "--json", action="store_true", help="print JSON: a list with an object for each setting"
    )
    options = parser.read(arguments).to(SettingsOptions)
    found = list(configured.explain())
    if options.json:
        plain = msgspec.json.encode(found, enc_hook=str)
        sys.stdout.write(msgspec.json.format(plain).decode() + "\n")
        return 0
    rows = [("setting", "origin", "unit", "default", "value")]
    rows += [(each.name, each.origin, each.unit, _show(each.default), _show(each.value)) for each in found]
    # The value comes last, because it may have any length.
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, value in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        screen.say("  ".join([*padded, value]))
    return 0


def _show(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
