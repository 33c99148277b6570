"""How the roles log: one line an event, for people or for machines.

An event has a constant name, and what differs from one to the next is in its facts. `docs/logging.md` lists
them. Whatever comes from outside is in facts, and is written so that it stays on its line.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from telemetry.entrypoints.process.settings import Settings

Log = structlog.stdlib.BoundLogger
"""What a role logs to."""

Event = MutableMapping[str, Any]
"""What structlog hands from processor to processor."""

_DETAIL: Final = "detail"  # of what adapters log: the text behind the name of the event
_OURS: Final = ("event", "level", "role", "time", _DETAIL)

_COUNTING: Final = ("Received", "Deleted")
"""Events whose text has the number of messages inside."""

_BREAKING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What ends a line, moves a cursor, turns the direction of writing, or cannot be written."""


def configure(settings: Settings, role: str) -> Log:
    """Set up the log of a process that plays `role`, and return it."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        _stamp,
        lambda _logger, _method, event: {**event, "role": role},
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer() if settings.log_format == "json" else _as_text
    shared_by_adapters = [_named, *shared]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_by_adapters,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for chatty in (
        "httpx",
        "boto3",
        "botocore",
        "numexpr",
        "urllib3",
    ):  # they log every request, some with its signature; or how many threads they have
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=Log,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger("telemetry")
    return log


def _stamp(_logger: object, _method: str, event: Event) -> Event:
    return {**event, "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def _named(_logger: object, _method: str, event: Event) -> Event:
    """Part what an adapter logs, as `New dead letters: 3, ...`, into the name of the event and its detail."""
    record: logging.LogRecord = event["_record"]
    name, colon, _ = str(record.msg).partition(": ")
    if not record.name.startswith("telemetry.") or not colon or "%" in name:
        return event
    return {**event, "event": name, _DETAIL: event["event"][len(name) + len(colon) :]}


def _as_text(_logger: object, _method: str, event: Event) -> str:
    """Spell an event as `2025-10-19 14:30:00 INFO [Consumer] Batch processed: size=100, ...`.

    Values that have an inside, as the percentiles of all stages, are for machines and left out. The lines of
    a trace are indented, so that none of them can be taken for an event.
    """
    exception = event.pop("exception", None)
    facts = {k: _value(v) for k, v in event.items() if k not in _OURS and not isinstance(v, Mapping)}
    name = str(event["event"])
    if name in _COUNTING and "messages" in facts:
        count = facts.pop("messages")
        name += f" {count} message{'' if count == '1' else 's'}"
    values = [str(event[_DETAIL])] if _DETAIL in event else []
    values += [f"{k}={v}" for k, v in facts.items()]
    moment = event["time"][:19].replace("T", " ")
    line = f"{moment} {event['level'].upper()} [{event['role']}] {name}"
    lines = [f"{line}: {', '.join(values)}" if values else line]
    lines += [f"    {each}" for each in exception.split("\n")] if exception else []
    return "\n".join(map(on_one_line, lines))


def on_one_line(text: str) -> str:
    """Write what would break a line, or change how a terminal shows it, as an escape of Python."""
    return _BREAKING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _value(value: object) -> str:
    """Every float that is logged is a duration in seconds."""
    return f"{value:.2f}s" if isinstance(value, float) else str(value)
