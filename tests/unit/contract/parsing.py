"""How the tests of the parsers have one record accepted or refused."""

from typing import Any

from telemetry.domain.contract.parse import parse_json, parse_lines
from telemetry.domain.contract.record import Record
from tests.builders import NOW, a_body

SHORT = 300  # characters that a reason may have
MEGABYTES = "x" * 10_000_000


def accepted(body: bytes) -> Record:
    """Have a body's only record accepted."""
    parsed = parse_json(body, NOW)
    assert not parsed.rejected
    (record,) = parsed.records
    return record


def refused(body: bytes) -> str:
    """Have a body's only record refused, alike in all three forms of a body; return the reason."""
    reasons = []
    for parsed in (
        parse_json(body, NOW),
        parse_json(b"[" + body + b"]", NOW),
        parse_lines(body + b"\n", NOW),
    ):
        assert not parsed.records
        (rejection,) = parsed.rejected
        assert rejection.index == 0
        reasons.append(rejection.error)
    assert len(set(reasons)) == 1
    return reasons[0]


def with_payload(payload: Any) -> bytes:
    """Encode a v1 record of this payload."""
    return a_body(payload=payload)
