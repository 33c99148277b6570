"""What all roles that send have in common: a receiver to send to, and many bodies under way at once."""

import argparse
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from telemetry.adapters.ledger import Ledger
from telemetry.coordination.sending import MAX_RECORDS, ConcurrentSender
from telemetry.domain.proof.manifest import Manifest
from telemetry.entrypoints.process import screen
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, Seconds, new_file

_SCHEMES: Final = ("http", "https")
_HOST: Final = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_EXAMPLES: Final = 5  # complaints that are shown of each kind; the first ones say what is wrong


class SendOptions(msgspec.Struct, frozen=True):
    """Where to send, and how long to try."""

    url: str = "http://127.0.0.1:8000"
    connections: Annotated[int, Meta(ge=1, le=10_000)] = 8
    patience_s: Seconds = msgspec.field(default=60, name="patience")
    ledger: Path | None = None


def add_options(parser: Parser) -> None:
    parser.add(
        SendOptions,
        {"url": url, "ledger": new_file},
        url="URL: the receiver",
        connections="N: connections to it",
        patience="SECONDS: how long to go on trying to send a body",
        ledger="FILE: write what was sent and what was accepted to this file",
    )


def url(text: str) -> str:
    """Read the address of a receiver."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in _SCHEMES and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:  # of a port that is none, or of half an IPv6 address
        is_one = False
    if not is_one or not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!r}: it is an address like {SendOptions().url}")
    return text


@asynccontextmanager
async def sender(
    container: Container,
    options: SendOptions,
    manifest: Manifest | None = None,
    max_records: int = MAX_RECORDS,
) -> AsyncIterator[ConcurrentSender]:
    """Open a sender to a receiver; all is answered when the context ends.

    `manifest` is what it writes down; if there is none, it is one of every record. A body has at most
    `max_records`.

    Raise SettingsError without a key, GatewayError if the receiver cannot be reached, OSError if the ledger
    cannot be written.
    """
    if not container.settings().api_key:
        raise SettingsError("API_KEY: not set; a receiver takes nothing without it")
    gateway = container.gateway(
        url=options.url, connections=options.connections, patience_s=options.patience_s
    )
    async with opened(lambda: gateway):
        await gateway.ready()
        with Ledger(options.ledger) if options.ledger else nullcontext() as ledger:
            make = partial(
                ConcurrentSender, container.sender(gateway=gateway, manifest=manifest), container.clock()
            )
            enter = ledger.write if ledger else None
            async with make(options.connections, enter, max_records) as sending:
                yield sending


def conclude(sent: ConcurrentSender, damaged: int = 0, *, is_quiet: bool = False) -> int:
    """Print what became of what was sent, of which so much was damaged on purpose.

    What was sent and accepted is counted by identity, as in the proof; what was rejected, by record that was
    posted. If `is_quiet`, print only what went wrong. Return the exit status: 0 if all of the rest was
    accepted, and the damaged rejected.
    """
    if not is_quiet:
        screen.explain(_sent(sent, damaged))
    as_expected = sent.accepted + damaged == sent.posted and len(sent.rejected) == damaged
    for rejection in [] if as_expected else sent.rejected[:_EXAMPLES]:
        screen.complain(f"rejected: {rejection.error}")
    for failure in sent.failures[:_EXAMPLES]:
        screen.complain(f"not sent: {failure}")
    return 0 if as_expected else 1


def _sent(sent: ConcurrentSender, damaged: int) -> str:
    identities, accepted = sent.manifest.count()
    on_purpose = f", {damaged} {'was' if damaged == 1 else 'were'} damaged on purpose" if damaged else ""
    copies = sent.posted - identities
    posted = (
        f" ({sent.posted} posted, {copies} of them {'a copy' if copies == 1 else 'copies'})" if copies else ""
    )
    return (
        f"sent {screen.counted(identities, 'record')}, {accepted} accepted, {len(sent.rejected)} rejected"
        f"{on_purpose}{posted}"
    )
