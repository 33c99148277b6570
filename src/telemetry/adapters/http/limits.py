"""The bounds of a connection: what it may hold, and for how long."""

import msgspec


class ConnectionLimits(msgspec.Struct, frozen=True):
    """What a connection may hold, in bytes and header lines, and how long it may make no progress."""

    head: int = 32_768
    headers: int = 100
    url: int = 8_192
    head_timeout_s: float = 15
    body_timeout_s: float = 60
    keep_alive_s: float = 75
    connections: int = 1_000
