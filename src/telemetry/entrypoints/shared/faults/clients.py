"""Faults of clients: ten times the load, bad bodies, slow and vanishing connections, and lost answers."""

import asyncio
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from telemetry.domain.vehicle.simulate import SAMPLING_S
from telemetry.entrypoints.shared.faults.fault import Fault, Target
from telemetry.entrypoints.shared.faults.load import VEHICLES
from telemetry.entrypoints.shared.faults.pipeline import RECEIVER

_TIMES: Final = 10
_OVERLOAD_S: Final = 3.0
_SLOW: Final = 20  # connections
_SLOW_S: Final = 4.0  # longer than the receiver waits in these runs
_AWAY_S: Final = 2.0
_BODY: Final = b'{"timestamp": "2025-10-19T12:34:56.123Z", "vehicle_id": "gone", "can_id": "0x1F0", '


async def _overload(target: Target, _share: float) -> None:
    """Send ten times as many records a second as the load has."""
    fleet = target.load.fleet("overload", _TIMES * VEHICLES)
    now_ms = target.container.clock().wall_ms()
    async with target.load.sender(32) as sender:
        for step in range(round(_OVERLOAD_S / SAMPLING_S)):
            await sender.send(fleet.sample(now_ms + round(step * SAMPLING_S * 1000)))
            await asyncio.sleep(SAMPLING_S)


async def _bad_bodies(target: Target, _share: float) -> None:
    """Post what is no JSON, and a record that is none; each has to be refused."""
    for body, status in ((_BODY, b"400"), (_BODY + b'"payload": {}}', b"422")):
        answer = await _exchange(target, _head(target, len(body)) + body)
        if answer.split(b" ")[1:2] != [status]:
            raise RuntimeError(f"a bad body was answered with {answer[:60]!r}, and not with {status!r}")


async def _slow_clients(target: Target, _share: float) -> None:
    """Open connections whose bodies come a byte at a time, or not at all."""
    await asyncio.gather(*(_drip(target, is_silent=bool(each % 2)) for each in range(_SLOW)))


async def _drip(target: Target, *, is_silent: bool) -> None:
    with suppress(OSError):
        _, writer = await _connect(target)
        try:
            writer.write(_head(target, 1000) + _BODY)
            for _ in range(round(_SLOW_S / SAMPLING_S)):
                if not is_silent:
                    writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(SAMPLING_S)
        finally:
            writer.transport.abort()


async def _vanish(target: Target, _share: float) -> None:
    """Begin to post and be gone: in the head, in the body, and before the answer."""
    body = _BODY + b'"payload": {"battery_soc": 50}}'
    request = _head(target, len(body)) + body
    for place in (10, len(request) - 20, len(request)):
        _, writer = await _connect(target)
        writer.write(request[:place])
        await writer.drain()
        writer.transport.abort()


async def _lose_answers(target: Target, share: float) -> None:
    """Let POSTs be done, and cut the connection before their answers."""
    await target.break_calls("http", "mute", _AWAY_S * (1 + share))


def _head(target: Target, length: int) -> bytes:
    key = str(target.settings.api_key)
    return (
        f"POST /ingest HTTP/1.1\r\nHost: telemetry\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", urlsplit(target.pipeline.url).port)


async def _exchange(target: Target, request: bytes) -> bytes:
    reader, writer = await _connect(target)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


_ROLES: Final = frozenset({RECEIVER})

FAULTS: Final = (
    Fault("10 times overload", _overload, "Requests refused.*status=429", roles=_ROLES),
    Fault("bad bodies", _bad_bodies, "Records rejected|Requests refused", roles=_ROLES, times=2),
    Fault("slow clients", _slow_clients, "with 408|status=408", roles=_ROLES),
    Fault("vanishing clients", _vanish, roles=_ROLES, times=2),
    Fault("answers of the receiver lost", _lose_answers, roles=_ROLES, times=2),
)
