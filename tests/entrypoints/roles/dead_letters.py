"""A body in quarantine, and what `telemetry dead-letters` lists."""

import pytest

from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport.lease import Delivery
from telemetry.entrypoints.process import cli
from tests.builders import put_quarantined

QUARANTINED_MS = 1000  # 1970-01-01T00:00:01Z


async def put_bad_body(storage: Storage, body: bytes) -> None:
    """Put a body into quarantine that was sent at 1970-01-01T00:00:00Z."""
    quarantined = QuarantinedBody.of(Delivery("1:1", body, 0, 1), "It is neither.", QUARANTINED_MS)
    await put_quarantined(storage, quarantined, now=QUARANTINED_MS)


def listed_names(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """List the names of what is set aside, as the command prints them."""
    assert cli.main(["dead-letters", "list"]) == 0
    return [line.split()[0] for line in capsys.readouterr().out.splitlines()]
