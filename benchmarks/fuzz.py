"""Whether damaged bodies cost more than they should: mutated bodies posted to a receiver in this process.

`python -m benchmarks.fuzz --bodies 100000` puts a damaged element among good records, as an array or a line
each. An answer is expected if its status is one of 202, 400, 413 and 422, nothing of a 400 is stored, and of
a 202 every good record is. In a body of lines the good records are stored whatever the damage is. The last
line is `fuzz: bodies=N unexpected=N accepted=N malformed=N rejected=N`, and the exit status is 0 if nothing
was unexpected.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks import report
from telemetry.adapters.clock import SystemClock
from telemetry.adapters.http.access import Access
from telemetry.adapters.http.app import create_app
from telemetry.adapters.http.auth import HEADER, Grant, Keyring
from telemetry.adapters.http.dashboard.feed import Feed
from telemetry.adapters.http.health import LastSend
from telemetry.adapters.http.intake import Buffer, Desk
from telemetry.adapters.http.session import Sessions
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import format_timestamp
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import EXAMPLE
from telemetry.domain.figures.report import Hours
from telemetry.domain.transport.ingest import Ingest
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.domain.transport.parcel import Parcel
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared.readiness import ReceiverProbe
from telemetry.entrypoints.shared.reading import Reading

_KEY: Final = "the-key-of-the-fuzzer"
_EXPECTED: Final = {202: "accepted", 400: "malformed", 413: "malformed", 422: "rejected"}
_INSERTS: Final = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\\ud800", b"null",
    b"1e999", b"-", b"NaN", b"\xef\xbb\xbf", b"\r", b" ", b"true", b'"a":', b"[" * 2_000, b"9" * 400,
]  # fmt: skip
_LINES: Final = "application/x-ndjson"


class Body(NamedTuple):
    """A body with its media type, and the vehicles of its good records."""

    content: bytes
    media_type: str
    good: Sequence[str]


class Shelf:
    """An outbox that keeps what it is given."""

    max_parcel_size = 1_000_000
    waiting = 0

    def __init__(self) -> None:
        self.vehicles: set[str] = set()

    async def send(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            self.vehicles |= {codec.decode_line(line).vehicle_id for line in parcel.lines.splitlines()}

    async def close(self) -> None:
        pass


def bodies(count: int, seed: int) -> Iterator[Body]:
    """Make bodies of up to eight good records and a damaged one among them."""
    rng = random.Random(seed)  # noqa: S311  # the same seed makes the same bodies
    now = format_timestamp(SystemClock().wall_ms())
    for number in range(count):
        good = [f"good-{number}-{place}" for place in range(rng.randrange(1, 9))]
        elements = [msgspec.json.encode(EXAMPLE | {"timestamp": now, "vehicle_id": name}) for name in good]
        damaged = msgspec.json.encode(EXAMPLE | {"timestamp": now, "vehicle_id": "damaged"})
        is_lines = rng.random() < 0.5  # noqa: PLR2004  # as often as not
        damaged = _damage(damaged, rng)
        elements.insert(rng.randrange(len(elements) + 1), damaged.replace(b"\n", b" "))
        content = b"\n".join(elements) if is_lines else b"[" + b",".join(elements) + b"]"
        yield Body(content, _LINES if is_lines else "application/json", good)


def _damage(element: bytes, rng: random.Random) -> bytes:
    """Change, remove or insert a few pieces."""
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(element) + 1)
        how: Callable[[], bytes] = rng.choice(
            [
                lambda: element[:place] + rng.choice(_INSERTS) + element[place:],  # noqa: B023  # called at once
                lambda: element[:place] + element[place + rng.randrange(1, 20) :],  # noqa: B023  # as above
                lambda: element[:place] + bytes([rng.randrange(256)]) + element[place + 1 :],  # noqa: B023  # as above
            ]
        )
        element = how()
    return element


def receiver(shelf: Shelf) -> Any:  # noqa: ANN401  # which Litestar and its callers type differently
    """Make a receiver that puts what it accepts on a shelf."""
    clock, last_send = SystemClock(), LastSend()
    keyring = Keyring([Grant(_KEY, name="fuzzer")], clock)
    queue = MemoryQueue(clock, LeaseTerms())

    async def on_error(_error: Exception, _scope: object) -> None:
        pass

    desk = Desk(
        ingest=Ingest(shelf, PartitionPolicy()),
        keyring=keyring,
        clock=clock,
        metrics=ReceiverMetrics("1.2.3", Path(), lambda: 0),
        max_body=10_000_000,
        max_records=10_000,
        buffer=Buffer(64_000_000, lambda: 0),
        last_send=last_send,
        probe=ReceiverProbe(queue, last_send, clock, None),
        access=Access("open", keyring, clock, Sessions(b"", keyring, clock)),
        on_rejected=lambda _key, _reasons: None,
        hours=Hours(MemoryStorage(clock)),
        feed=Feed(Reading(Settings(storage_backend="memory"), clock), clock),
    )
    return create_app(desk, "0", on_error, lambda _: nullcontext())


async def post(app: Any, body: Body) -> tuple[int, bytes]:  # noqa: ANN401  # as above
    """Post a body without a network; return the status and the content of the answer."""
    said: list[dict[str, Any]] = []
    headers = [(HEADER.lower().encode(), _KEY.encode()), (b"content-type", body.media_type.encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/ingest", "raw_path": b"/ingest", "root_path": "", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.content, "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        said.append(event)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(event.get("body", b"") for event in said[1:])


async def run(count: int, seed: int) -> Counter[str]:
    """Post all bodies; return how many fared how, and print those that fared as they should not."""
    shelf, outcomes = Shelf(), Counter[str]()
    app = receiver(shelf)
    for body in bodies(count, seed):
        status, content = await post(app, body)
        stored = shelf.vehicles & set(body.good)
        shelf.vehicles.clear()
        outcome = _EXPECTED.get(status, "unexpected")
        lost = set(body.good) - stored
        is_whole = not lost if status == HTTPStatus.ACCEPTED else not stored
        if not is_whole or (lost and body.media_type == _LINES) or not json.loads(content):
            outcome = "unexpected"
        if outcome == "unexpected":
            print(status, content[:200], body.media_type, body.content[:400], file=sys.stderr)
        outcomes[outcome] += 1
    return outcomes


def main() -> int:
    chosen = report.arguments(__doc__, bodies=100_000, seed=1)
    outcomes = asyncio.run(run(chosen.bodies, chosen.seed))
    counts = " ".join(
        f"{name}={outcomes[name]}" for name in ("unexpected", "accepted", "malformed", "rejected")
    )
    print(f"fuzz: bodies={outcomes.total()} {counts}")
    return int(outcomes["unexpected"] > 0)


if __name__ == "__main__":
    sys.exit(main())
