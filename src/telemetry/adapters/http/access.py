"""Who may see what is not for every client: counters, documentation, and how much waits in the queue.

A load balancer may ask whether the receiver lives and is ready, and anybody may find out what there is. All
else is for clients of this machine, or for those with a key.
"""

from collections.abc import Coroutine
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.utils import normalize_path

from telemetry.adapters.http import problem
from telemetry.adapters.http.auth import Keyring, caller_of
from telemetry.adapters.http.dashboard import files
from telemetry.adapters.http.session import Sessions
from telemetry.domain.clock import Clock

Policy = Literal["loopback", "key", "open"]
"""Clients of this machine need no key, or everybody does, or nobody."""

OPEN: Final = frozenset({"/", "/ingest", "/health/live", "/health/ready"}) | {files.PATH} | files.ADDRESSES
"""At `/dashboard`, who may not see the page is answered a form."""

HEAD: Final = "head"
"""Where the state of a request says that only the head of its answer is asked for."""

_FORWARDED: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})
"""What a proxy adds, whose own address says nothing about its client."""


class Access(msgspec.Struct, frozen=True):
    """Decides about each client."""

    policy: Policy
    keyring: Keyring
    clock: Clock
    sessions: Sessions

    def check(self, scope: Scope) -> None:
        """Raise NotAuthorizedException if the client may not see what is not for every client."""
        if self.policy == "open" or (self.policy == "loopback" and _is_local(scope)):
            return
        self.keyring.look_if_due()
        if not self.sessions.is_valid(scope):
            caller_of(dict(scope["headers"]), self.keyring, self.clock)

    def permits(self, scope: Scope) -> bool:
        try:
            self.check(scope)
        except NotAuthorizedException:
            return False
        return True


def guarded(inner: ASGIApp, access: Access) -> ASGIApp:
    """Return an application that asks `access` before it lets requests through to `inner`.

    It answers HEAD as GET, without the body. Whatever is not known to be for everybody is not, so that no
    other way to write a path leads past it.
    """

    def handle(scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope.get("method", "POST") == "POST" or scope["type"] == ScopeType.WEBSOCKET:
            return inner(scope, receive, send)  # type: ignore[return-value]  # an Awaitable, as ASGI has it
        return _handle(scope, receive, send)

    async def _handle(scope: HTTPScope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            scope["state"][HEAD] = True
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        if normalize_path(scope["path"]) not in OPEN:
            try:
                access.check(scope)
            except NotAuthorizedException as error:
                await problem.answer(error, scope, receive, send)
                return
        await inner(scope, receive, send)

    return handle


def _without_body(send: Send) -> Send:
    async def send_head(event: Message) -> None:
        if event["type"] == "http.response.body":
            event["body"] = b""
        await send(event)

    return send_head


def _names_address(scope: Scope) -> bool:
    """Return whether a request names its host by an address, or `localhost`.

    A page of another site could have its own name resolve to this machine, and read what a browser gets here
    by that name. It cannot do so with an address.
    """
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    if not client or any(name in _FORWARDED for name, _ in scope["headers"]):
        return False
    if scope["path"].lstrip("/").startswith(files.PATH[1:]) and not _names_address(scope):
        return False
    return is_loopback(client[0])


def is_loopback(text: str) -> bool:
    """Return whether an address is one of this machine."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
