"""The receiver answers as the table of the HTTP contract says, whatever it is sent."""

import asyncio
import json
import re

import msgspec
import pytest

from telemetry.adapters.http.auth import HEADER
from telemetry.adapters.metrics.receiver import ReceiverMetrics
from telemetry.domain.transport.queue import QueueUnavailableError
from tests.adapters.http.receiver import BAD, GOOD, KEY, RECORD, Receiver, problem
from tests.builders import NOW


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
async def test_a_record_is_taken_in_every_form(receiver: Receiver, body: str, kind: str):
    answer = await receiver.post(body, kind)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    (record,) = await receiver.queued()
    assert (record.vehicle_id, record.can_id, record.payload) == ("veh-00123", "0x1F0", RECORD["payload"])


async def test_the_time_of_receipt_is_the_receivers_own(receiver: Receiver):
    claimed = json.dumps({**RECORD, "ingest_received_at": "1999-01-01T00:00:00Z"})
    await receiver.post(claimed)
    assert [record.received_ms for record in await receiver.queued()] == [NOW]


async def test_a_bad_record_is_named_and_its_neighbours_are_taken(receiver: Receiver):
    answer = await receiver.post(f"[{GOOD},{BAD},{GOOD.replace('56.123', '57.123')}]")
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "rejected": [{"index": 1, "error": "payload.battery_soc: 101 is outside 0 to 100 %"}],
    }
    assert len(await receiver.queued()) == 2


@pytest.mark.parametrize("body", [BAD, "3", f"[{BAD},{BAD}]"])
async def test_where_no_record_is_valid_the_same_body_comes_with_422(receiver: Receiver, body: str):
    answer = await receiver.post(body)
    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    assert await receiver.queued() == []


async def test_each_answer_is_counted_once_by_its_status(receiver: Receiver):
    for body in (GOOD, BAD, "[", GOOD):
        await receiver.post(body)
    await receiver.client.post("/ingest/", content=GOOD, headers={"Content-Type": "application/json"})
    await receiver.client.post("/ingest/", content=GOOD, headers={"Content-Type": "text/plain"})
    await receiver.post(GOOD, **{HEADER: "unknown"})
    await receiver.client.put("/ingest", content=GOOD)
    receiver.queue.failing = {"send"}
    await receiver.post(GOOD)
    said = (await receiver.client.get("/metrics")).text
    counted = re.findall(r'telemetry_ingest_requests_total\{status="(\d+)"\} (\S+)', said)
    ones = dict.fromkeys(("400", "401", "405", "415", "422", "503"), "1.0")
    assert dict(counted) == {"202": "3.0", **ones}


async def test_many_senders_at_once_each_get_their_own_answer(receiver: Receiver):
    answers = await asyncio.gather(*(receiver.post(f"[{','.join([GOOD] * n)}]") for n in range(1, 20)))
    assert [answer.json()["accepted"] for answer in answers] == list(range(1, 20))
    assert len(await receiver.queued()) == sum(range(1, 20))


async def test_an_unavailable_queue_is_answered_503_and_says_nothing_of_itself(receiver: Receiver):
    receiver.queue.failing = {"send", "depth"}
    receiver.queue.failure = QueueUnavailableError("/srv/secret/queue.db: disk I/O error")
    for answer in (await receiver.post(GOOD), await receiver.client.get("/health/ready")):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "secret" not in problem(answer)
    assert [str(error) for error in receiver.errors] == [str(receiver.queue.failure)] * 2
    receiver.queue.failing = ()
    assert (await receiver.post(GOOD)).status_code == 202


async def test_what_nobody_thought_of_is_answered_500_and_says_nothing_of_itself(receiver: Receiver):
    receiver.queue.failing = {"send"}
    receiver.queue.failure = ZeroDivisionError("of /srv/secret")
    answer = await receiver.post(GOOD)
    assert answer.status_code == 500
    assert "secret" not in problem(answer)
    assert receiver.errors == [receiver.queue.failure]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/ingest", 405), ("GET", "/nowhere", 404)])
async def test_what_is_not_there_is_a_problem_too(receiver: Receiver, method: str, path: str, status: int):
    answer = await receiver.client.request(method, path)
    assert answer.status_code == status
    assert problem(answer)


async def test_health_is_of_the_process_and_of_the_queue(receiver: Receiver):
    assert (await receiver.client.get("/health/live")).json() == {"status": "ok"}
    await receiver.post(GOOD)
    ready = await receiver.client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"waiting": 1, "leased": 0, "dead": 0})


async def test_counters_count_records_and_requests(receiver: Receiver):
    await receiver.post(f"[{GOOD},{BAD}]")
    await receiver.post("{")
    answer = await receiver.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    counted = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert counted['telemetry_ingest_records_total{outcome="accepted"}'] == "1.0"
    assert counted['telemetry_ingest_records_total{outcome="rejected"}'] == "1.0"
    assert counted['telemetry_ingest_rejected_records_total{reason="payload"}'] == "1.0"
    assert counted['telemetry_ingest_requests_total{status="202"}'] == "1.0"
    assert counted['telemetry_ingest_requests_total{status="400"}'] == "1.0"
    assert counted["telemetry_ingest_seconds_count"] == "1.0"


async def test_the_type_of_the_counters_can_be_read_by_prometheus(receiver: Receiver):
    kind = (await receiver.client.get("/metrics")).headers["content-type"]
    names = [parameter.partition("=")[0].strip() for parameter in kind.split(";")]
    assert names[0] == "text/plain"
    assert sorted(names) == sorted(set(names))  # it refuses a parameter that comes twice


async def test_the_documentation_is_served(receiver: Receiver):
    assert (await receiver.client.get("/docs")).status_code == 200
    described = (await receiver.client.get("/docs/openapi.json")).json()
    assert described["info"]["version"] == "1.2.3"
    assert set(described["paths"]) == {
        *("/ingest", "/health/live", "/health/ready", "/metrics"),
        *("/hours", "/hours/{hour}"),
    }
    assert set(described["paths"]["/ingest"]["post"]["responses"]) >= {"202", "400", "401", "403", "413"}
    assert msgspec.yaml.decode((await receiver.client.get("/docs/openapi.yaml")).content) == described


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/health/ready", "/metrics", "/docs", "/ingest", "/nowhere"]
)
async def test_a_head_request_is_answered_as_get_without_a_body(
    receiver: Receiver, path: str, monkeypatch: pytest.MonkeyPatch
):
    # What a process takes of the machine is not the same at two requests.
    monkeypatch.setattr(ReceiverMetrics, "render", lambda _: b"counters")
    head, got = await receiver.client.head(path), await receiver.client.get(path)
    assert head.content == b""
    assert (head.status_code, head.headers) == (got.status_code, got.headers)


async def test_the_root_says_what_there_is(receiver: Receiver):
    for path in (await receiver.client.get("/")).json().values():
        assert (await receiver.client.get(path)).status_code in (200, 405)


async def test_ready_is_not_said_after_a_send_that_failed_until_one_succeeds(receiver: Receiver):
    receiver.queue.failing = {"send"}
    assert (await receiver.post(GOOD)).status_code == 503
    receiver.queue.failing = ()
    for _ in range(2):
        assert (await receiver.client.get("/health/ready")).status_code == 503
    assert (await receiver.post(BAD)).status_code == 422  # which sends nothing
    assert (await receiver.client.get("/health/ready")).status_code == 503
    assert (await receiver.post(GOOD)).status_code == 202
    assert (await receiver.client.get("/health/ready")).status_code == 200


async def test_a_send_that_failed_is_forgotten_where_nobody_sends_any_more(receiver: Receiver):
    receiver.queue.failing = {"send"}
    await receiver.post(GOOD)
    receiver.queue.failing = ()
    receiver.clock.advance(59)
    assert (await receiver.client.get("/health/ready")).status_code == 503
    receiver.clock.advance(1)
    assert (await receiver.client.get("/health/ready")).status_code == 200


async def test_rejected_records_are_named_by_key_and_class(receiver: Receiver):
    await receiver.post(f"[{GOOD},{BAD},{BAD},7]")
    assert receiver.rejected == [("fleet", {"payload": 2, "json": 1})]


async def test_a_sender_that_hangs_up_is_no_failure_of_the_receiver(receiver: Receiver):
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
    await receiver.app(scope, receive, send)
    assert answered[0]["status"] == 400
    assert await receiver.queued() == []
    assert (await receiver.post(GOOD)).status_code == 202


async def test_a_websocket_is_closed(receiver: Receiver):
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
    await receiver.app(scope, receive, send)
    assert [event["type"] for event in sent] == ["websocket.close"]
