"""How the roles log: one line an event, for people or for machines."""

import logging
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

_OURS: Final = ("event", "level", "role", "time")


def configure(settings: Settings, role: str) -> Log:
    """Set up the log of a process that plays `role`, and return it."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        _stamp,
        lambda _logger, _method, event: {**event, "role": role},
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer() if settings.log_format == "json" else _as_text
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
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


def _as_text(_logger: object, _method: str, event: Event) -> str:
    """Spell an event as `2025-10-19 14:30:00 INFO [Consumer] Batch processed: size=100, ...`.

    Values that have an inside, as the percentiles of all stages, are for machines and left out.
    """
    exception = event.pop("exception", None)
    values = [f"{k}={_value(v)}" for k, v in event.items() if k not in _OURS and not isinstance(v, Mapping)]
    moment = event["time"][:19].replace("T", " ")
    line = f"{moment} {event['level'].upper()} [{event['role']}] {event['event']}"
    line += f": {', '.join(values)}" if values else ""
    return f"{line}\n{exception}" if exception else line


def _value(value: object) -> str:
    """Every float that is logged is a duration in seconds."""
    return f"{value:.2f}s" if isinstance(value, float) else str(value)
