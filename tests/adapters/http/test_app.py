"""The receiver answers as the table of the HTTP contract says, whatever it is sent."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
import zstandard

from telemetry.adapters.http.auth import HEADER
from telemetry.domain.transport.queue import QueueUnavailableError

from .conftest import DEPOT, KEY, LIMIT, NOW, Plant

RECORD = {
    "timestamp": "2025-10-19T12:34:56.123Z",
    "vehicle_id": "veh-00123",
    "can_id": "0x1F0",
    "payload": {"battery_soc": 85.5, "battery_current": -15.3},
}
GOOD = json.dumps(RECORD)
BAD = GOOD.replace("85.5", "101")


def problem(answer: httpx.Response) -> str:
    """Read the detail of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return str(body["detail"])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (GOOD, "application/json"),
        (GOOD, "application/json; charset=utf-8"),
        (f"[{GOOD}]", "application/json"),
        (f" \n[{GOOD}]", "APPLICATION/JSON"),
        (f"{GOOD}\n", "application/x-ndjson"),
    ],
)
async def test_a_record_is_taken_in_every_form(plant: Plant, body: str, kind: str):
    answer = await plant.post(body, kind)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    (record,) = await plant.queued()
    assert (record.vehicle_id, record.can_id, record.payload) == ("veh-00123", "0x1F0", RECORD["payload"])


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("identity", lambda body: body),
    ],
)
async def test_a_body_may_be_encoded(plant: Plant, encoding: str, encode):
    answer = await plant.post(encode(GOOD.encode()), Content_Encoding=encoding)
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert len(await plant.queued()) == 1


async def test_the_time_of_receipt_is_the_receivers_own(plant: Plant):
    claimed = json.dumps({**RECORD, "ingest_received_at": "1999-01-01T00:00:00Z"})
    await plant.post(claimed)
    assert [record.received_ms for record in await plant.queued()] == [NOW]


async def test_a_bad_record_is_named_and_its_neighbours_are_taken(plant: Plant):
    answer = await plant.post(f"[{GOOD},{BAD},{GOOD.replace('56.123', '57.123')}]")
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "rejected": [{"index": 1, "error": "payload.battery_soc: 101 is outside 0 to 100 %"}],
    }
    assert len(await plant.queued()) == 2


@pytest.mark.parametrize("body", [BAD, "[]", "3", f"[{BAD},{BAD}]"])
async def test_where_no_record_is_valid_the_same_body_comes_with_422(plant: Plant, body: str):
    answer = await plant.post(body)
    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    assert await plant.queued() == []


BAD_INPUT = {
    "empty body": (b"", 400),
    "an open brace": (b"{", 400),
    "NaN": (GOOD.replace("85.5", "NaN").encode(), 400),
    "Infinity": (GOOD.replace("85.5", "Infinity").encode(), 400),
    "a huge vehicle_id": (GOOD.replace("veh-00123", "v" * 10_000_000).encode(), 413),
    "a large vehicle_id": (GOOD.replace("veh-00123", "v" * (LIMIT // 2)).encode(), 422),
    "nested arrays": (b"[" * 20_000 + b"]" * 20_000, 400),
    "a lone surrogate": (GOOD.replace("veh-00123", "\\ud800").encode(), 400),
    "a broken letter": (GOOD.encode().replace(b"veh-00123", b"\xff"), 400),
    "no offset": (GOOD.replace("56.123Z", "56.123").encode(), 422),
    "can_id over 29 bits": (GOOD.replace("0x1F0", "0x20000000").encode(), 422),
}


@pytest.mark.parametrize(("body", "status"), BAD_INPUT.values(), ids=BAD_INPUT)
async def test_bad_input_is_answered_briefly_and_the_receiver_goes_on(plant: Plant, body: bytes, status: int):
    answer = await plant.post(body)
    assert answer.status_code == status
    assert len(answer.content) < 1000
    assert (await plant.post(GOOD)).status_code == 202
    assert len(await plant.queued()) == 1


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_is_cut_off_while_it_swells(plant: Plant, encoding: str):
    zeros = bytes(100_000_000)
    bomb = gzip.compress(zeros, 9) if encoding == "gzip" else zstandard.ZstdCompressor().compress(zeros)
    assert len(bomb) < LIMIT
    answer = await plant.post(bomb, Content_Encoding=encoding)
    assert answer.status_code == 413
    assert str(LIMIT) in problem(answer)


async def test_a_body_over_the_limit_is_refused_with_the_limit(plant: Plant):
    answer = await plant.post(b" " * (LIMIT + 1))
    assert answer.status_code == 413
    assert str(LIMIT) in problem(answer)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_body_that_is_not_what_its_encoding_says_is_refused(plant: Plant, encoding: str):
    answer = await plant.post(GOOD, Content_Encoding=encoding)
    assert answer.status_code == 400
    assert "Content-Encoding" in problem(answer)


async def test_an_encoding_that_is_not_known_is_refused_with_those_that_are(plant: Plant):
    answer = await plant.post(GOOD, Content_Encoding="br")
    assert answer.status_code == 415
    assert "gzip or zstd, not 'br'" in problem(answer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_media_type_that_is_not_known_is_refused_with_those_that_are(plant: Plant, kind: str):
    answer = await plant.post(GOOD, kind)
    assert answer.status_code == 415
    assert "application/json, application/x-ndjson" in problem(answer)


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], KEY + " x", "k\xe9y"])
async def test_without_a_known_key_nothing_is_taken(plant: Plant, key: str):
    answer = await plant.client.post(
        "/ingest", content=GOOD, headers=[(HEADER.encode(), key.encode("latin-1"))]
    )
    assert answer.status_code == 401
    assert HEADER in answer.headers["www-authenticate"]
    assert HEADER in problem(answer)
    assert KEY not in answer.text
    assert await plant.queued() == []


async def test_a_key_speaks_only_for_its_own_vehicles(plant: Plant):
    answer = await plant.post(f"[{GOOD},{GOOD.replace('veh-00123', 'depot-7-1')}]", **{HEADER: DEPOT})
    assert answer.status_code == 403
    assert "veh-00123" in problem(answer)
    assert await plant.queued() == []
    answer = await plant.post(GOOD.replace("veh-00123", "depot-7-1"), **{HEADER: DEPOT})
    assert answer.status_code == 202


async def test_a_key_over_its_rate_is_told_when_to_come_back(plant: Plant):
    many = "\n".join(GOOD.replace("56.123", f"56.{n:03d}") for n in range(600))
    for _ in range(2):
        assert (await plant.post(many[: LIMIT - 1], "application/x-ndjson")).status_code == 202
    plant.clock.advance(0)
    while (answer := await plant.post(many, "application/x-ndjson")).status_code == 202:
        pass
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "rate" in problem(answer)
    plant.clock.advance(int(answer.headers["retry-after"]))
    assert (await plant.post(GOOD)).status_code == 202
    assert (await plant.post(GOOD.replace("veh-00123", "depot-7-1"), **{HEADER: DEPOT})).status_code == 202


async def test_an_unavailable_queue_is_answered_503_and_says_nothing_of_itself(plant: Plant):
    plant.queue.failure = QueueUnavailableError("/srv/secret/queue.db: disk I/O error")
    for answer in (await plant.post(GOOD), await plant.client.get("/health/ready")):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "secret" not in problem(answer)
    assert [str(error) for error in plant.errors] == [str(plant.queue.failure)] * 2
    plant.queue.failure = None
    assert (await plant.post(GOOD)).status_code == 202


async def test_what_nobody_thought_of_is_answered_500_and_says_nothing_of_itself(plant: Plant):
    plant.queue.failure = ZeroDivisionError("of /srv/secret")
    answer = await plant.post(GOOD)
    assert answer.status_code == 500
    assert "secret" not in problem(answer)
    assert plant.errors == [plant.queue.failure]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/ingest", 405), ("GET", "/nowhere", 404)])
async def test_what_is_not_there_is_a_problem_too(plant: Plant, method: str, path: str, status: int):
    answer = await plant.client.request(method, path)
    assert answer.status_code == status
    assert problem(answer)


async def test_health_tells_of_the_process_and_of_the_queue(plant: Plant):
    assert (await plant.client.get("/health/live")).json() == {"status": "ok"}
    await plant.post(GOOD)
    ready = await plant.client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"ready": 1, "leased": 0, "dead": 0})


async def test_counters_tell_of_records_and_of_requests(plant: Plant):
    await plant.post(f"[{GOOD},{BAD}]")
    await plant.post("{")
    answer = await plant.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    counted = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert counted['telemetry_ingest_records_total{outcome="accepted"}'] == "1.0"
    assert counted['telemetry_ingest_records_total{outcome="rejected"}'] == "1.0"
    assert counted['telemetry_ingest_requests_total{status="202"}'] == "1.0"
    assert counted['telemetry_ingest_requests_total{status="400"}'] == "1.0"
    assert counted["telemetry_ingest_seconds_count"] == "1.0"


async def test_the_documentation_is_served(plant: Plant):
    assert (await plant.client.get("/docs")).status_code == 200
    described = (await plant.client.get("/docs/openapi.json")).json()
    assert described["info"]["version"] == "1.2.3"
    assert set(described["paths"]) == {"/ingest", "/health/live", "/health/ready", "/metrics"}
    assert set(described["paths"]["/ingest"]["post"]["responses"]) >= {"202", "400", "401", "403", "413"}
    assert msgspec.yaml.decode((await plant.client.get("/docs/openapi.yaml")).content) == described


async def test_a_sender_that_hangs_up_is_no_failure_of_the_receiver(plant: Plant):
    coming = [
        {"type": "http.request", "body": GOOD.encode()[:20], "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[dict[str, object]] = []

    async def receive():
        return coming.pop(0)

    async def send(event):
        answered.append(event)

    headers = [(b"content-type", b"application/json"), (HEADER.lower().encode(), KEY.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/ingest",
        "raw_path": b"/ingest",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "client": None,
        "server": ("receiver", 80),
    }
    await plant.app(scope, receive, send)
    assert answered[0]["status"] == 400
    assert await plant.queued() == []
    assert (await plant.post(GOOD)).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b" \r\n\t ",
        GOOD.encode() * 2,
        GOOD.encode()[:-1],
        b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        bytes(LIMIT),
    ],
    ids=["white space", "two objects", "cut short", "nested objects", "a byte order mark", "UTF-16", "zeros"],
)
async def test_what_is_nearly_json_is_refused_and_the_receiver_goes_on(plant: Plant, body: bytes):
    answer = await plant.post(body)
    assert answer.status_code == 400
    assert "not JSON" in problem(answer)
    assert (await plant.post(GOOD)).status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize(
    "spoil", [lambda _: b"", lambda body: body[:-1], lambda body: body + b"x", lambda body: body * 2]
)
async def test_an_encoded_body_is_one_whole_piece(plant: Plant, encoding: str, spoil):
    whole = gzip.compress(GOOD.encode()) if encoding == "gzip" else zstandard.compress(GOOD.encode())
    answer = await plant.post(spoil(whole), Content_Encoding=encoding)
    assert answer.status_code == 400
    assert "Content-Encoding" in problem(answer)


async def test_a_bomb_that_does_not_name_its_size_is_cut_off_while_it_swells(plant: Plant):
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100_000_000))
    answer = await plant.post(bomb, Content_Encoding="zstd")
    assert answer.status_code == 413


async def test_a_body_in_pieces_is_read_up_to_the_limit(plant: Plant):
    given = 0

    async def pieces(count: int) -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(count):
            given += 1000
            yield b" " * 1000
        yield GOOD.encode()

    async def post(count: int) -> httpx.Response:
        return await plant.client.post(
            "/ingest", content=pieces(count), headers={"Content-Type": "application/json"}
        )

    assert (await post(10)).status_code == 202
    answer = await post(1000)
    assert answer.status_code == 413
    assert str(LIMIT) in problem(answer)
    assert (await plant.post(GOOD + " " * (LIMIT - len(GOOD)))).status_code == 202


async def test_the_key_is_looked_at_before_anything_else(plant: Plant):
    answer = await plant.post("{", "text/plain", Content_Encoding="br", **{HEADER: "wrong"})
    assert answer.status_code == 401


async def test_many_senders_at_once_are_each_told_of_their_own(plant: Plant):
    answers = await asyncio.gather(*(plant.post(f"[{','.join([GOOD] * n)}]") for n in range(1, 20)))
    assert [answer.json()["accepted"] for answer in answers] == list(range(1, 20))
    assert len(await plant.queued()) == sum(range(1, 20))


@pytest.mark.parametrize("path", ["/health/live", "/ingest", "/nowhere"])
async def test_a_head_request_is_answered_without_a_body(plant: Plant, path: str):
    assert (await plant.client.head(path)).content == b""


async def test_the_type_of_the_counters_can_be_read_by_prometheus(plant: Plant):
    kind = (await plant.client.get("/metrics")).headers["content-type"]
    names = [parameter.partition("=")[0].strip() for parameter in kind.split(";")]
    assert names[0] == "text/plain"
    assert sorted(names) == sorted(set(names))  # it refuses a parameter that comes twice


async def test_a_websocket_is_closed(plant: Plant):
    sent: list[dict[str, object]] = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(event):
        sent.append(event)

    scope: dict[str, object] = {
        "type": "websocket",
        "path": "/ingest",
        "raw_path": b"/ingest",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "ws",
        "client": None,
        "server": ("receiver", 80),
        "subprotocols": [],
    }
    await plant.app(scope, receive, send)
    assert [event["type"] for event in sent] == ["websocket.close"]
