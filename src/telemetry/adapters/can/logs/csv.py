"""CSV of other tools: python-can's, with its data in base64, and the logs of comma's cabana."""

import binascii
import re
from collections.abc import Callable, Sequence
from typing import Final

from telemetry.adapters.can.logs.format import Context, is_date, text
from telemetry.adapters.can.logs.lines import Parse
from telemetry.adapters.can.logs.rows import STANDARD, Row

_PYTHON_CAN: Final = re.compile(r"timestamp,arbitration_id,extended,remote,error,dlc,data\s*$")
_CABANA: Final = re.compile(r"time,addr,bus,data\s*$")


def _python_can(line: str) -> Row | str | None:
    if not line or _PYTHON_CAN.match(line):
        return None
    time, can_id, extended, remote, error, size, data = line.split(",")
    if error == "1" or remote == "1":
        return "error" if error == "1" else "remote"
    try:
        given = binascii.a2b_base64(data, strict_mode=True) if data else b""
    except binascii.Error as broken:
        raise ValueError("it breaks off") from broken
    if len(given) != int(size):
        raise ValueError("it breaks off")
    return Row(_micros(time), int(can_id, 16), extended == "1", "0", given)


def _cabana(line: str) -> Row | str | None:
    if not line or _CABANA.match(line):
        return None
    time, address, bus, data = line.split(",")
    can_id = int(address, 0)
    return Row(_micros(time), can_id, can_id > STANDARD, bus, bytes.fromhex(data.removeprefix("0x")))


def _micros(time: str) -> int:
    return round(float(time) * 1_000_000)


def _of(read: Parse) -> Callable[[Sequence[str], Context], Parse]:
    """Make what returns `read` for any log."""

    def parser(head: Sequence[str], context: Context) -> Parse:
        first = next((line for line in head if line[:1].isdigit()), "0")
        context.is_dated = is_date(float(first.partition(",")[0]))
        return read

    return parser


PYTHON_CAN: Final = text("python-can CSV", _PYTHON_CAN, _of(_python_can))
CABANA: Final = text("cabana CSV", _CABANA, _of(_cabana))
