"""`telemetry health ROLE`: says whether the processes of a role on this host still finish their turns.

A consumer or an aggregator finishes a turn at least every few seconds while its queue and its store can be
used. The exit status is 0 if there is such a process and all of them finished a turn within the last minute,
and 1 otherwise. A container's health check asks for it. The receiver answers for itself at `/health/ready`.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from telemetry.entrypoints.process import heartbeat, screen, settings
from telemetry.entrypoints.process.options import Parser, PositiveSeconds

_BEATING = ("consumer", "aggregator", "compact")


class HealthOptions(msgspec.Struct, frozen=True):
    """Which role, and how long its last turn may have ended ago."""

    role: Literal["consumer", "aggregator", "compact"]
    within_s: PositiveSeconds = msgspec.field(default=60, name="within")


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("health", __doc__)
    parser.add_argument("role", choices=_BEATING, help="whose processes")
    parser.add(HealthOptions, within="SECONDS: how long ago the last turn may have ended")
    options = parser.read(arguments).to(HealthOptions)
    signs = list(heartbeat.signs(settings.load().data_dir, options.role))
    if not signs:
        screen.complain(f"no {options.role} runs here")
    late = [sign for sign in signs if sign.age_s > options.within_s]
    for sign in late:
        screen.complain(f"{options.role} {sign.pid} finished its last turn {sign.age_s:.0f} s ago")
    for sign in signs:
        if sign not in late:
            screen.say(f"{options.role} {sign.pid} finished a turn {sign.age_s:.0f} s ago")
    return int(not signs or bool(late))
