"""A small CAN log with its definitions, and how it is replayed to a receiver without a network."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from telemetry.entrypoints.roles import replay
from telemetry.entrypoints.shared.choosing import ReplayOptions
from telemetry.entrypoints.shared.sending import SendOptions
from tests.entrypoints.roles.sending import container_to
from tests.fakes import FakeGateway

DEFINITIONS = """VERSION ""

NS_ :

BS_:

BU_:

BO_ 274 Pack: 8 X
 SG_ pack_voltage_V : 16|16@1+ (0.1,0) [0|819] "V" X
 SG_ battery_soc : 32|12@1+ (0.1,0) [0|100] "%" X

BO_ 275 Soc: 1 X
 SG_ battery_soc : 0|8@1+ (1,0) [0|0] "%" X
"""

FRAMES = [
    "(10.000000) can0 112#FFFFC30DB701FFFF",  # 352.3 V, 43.9 %
    "(10.000400) can0 112#FFFFC40DB701FFFF",  # a burst: the same millisecond
    "(10.001000) can0 0A5#00",
    "(10.002000) can0 112#FFFFFFFFB701FFFF",  # voltage not available
    "(10.003000) can0 112#FFFFFFFFFFFFFFFF",  # nothing available
    "(10.004000) can0 112#FFFFC30D",  # cut short: no SoC
    "(10.005000) can0 112#FF",  # too short for any
    "(10.006000) can0 112#R",
]


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


async def run(
    gateway: FakeGateway, path: Path, dbc: Path | None, stopping: asyncio.Event | None = None, **chosen: Any
) -> int:
    """Replay a log as the command does; return its exit status."""
    named = {"files": [str(path)], "dbc": chosen.pop("dbcs", [str(dbc)] if dbc else [])}
    options = ReplayOptions(**{"vehicle_id": "veh-1", **named, **chosen})
    send = SendOptions(url="", connections=2, patience_s=1)
    return await replay.replay(container_to(gateway), options, send, stopping or asyncio.Event())
