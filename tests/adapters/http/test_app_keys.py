"""Which key may send, for whom, and how much."""

import asyncio
from typing import Any

import httpx
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.http.access import Access
from telemetry.adapters.http.auth import HEADER, Grant, Keyring
from telemetry.adapters.http.session import Sessions
from tests.adapters.http.receiver import BAD, DEPOT, GOOD, KEY, LIMIT, Receiver, problem


def stranger(receiver: Receiver, address: str = "192.0.2.1") -> httpx.AsyncClient:
    """Make a client at another address, without a key."""
    transport = httpx.ASGITransport(receiver.app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://receiver")


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], KEY + " x", "k\xe9y"])
async def test_without_a_known_key_nothing_is_taken(receiver: Receiver, key: str):
    answer = await receiver.client.post(
        "/ingest", content=GOOD, headers=[(HEADER.encode(), key.encode("latin-1"))]
    )
    assert answer.status_code == 401
    assert HEADER in answer.headers["www-authenticate"]
    assert HEADER in problem(answer)
    assert KEY not in answer.text
    assert await receiver.queued() == []


async def test_the_key_is_looked_at_before_anything_else(receiver: Receiver):
    answer = await receiver.post("{", "text/plain", Content_Encoding="br", **{HEADER: "wrong"})
    assert answer.status_code == 401


async def test_a_key_sends_only_for_its_own_vehicles(receiver: Receiver):
    answer = await receiver.post(f"[{GOOD},{GOOD.replace('veh-00123', 'depot-7-1')}]", **{HEADER: DEPOT})
    assert answer.status_code == 403
    assert "veh-00123" in problem(answer)
    assert await receiver.queued() == []
    answer = await receiver.post(GOOD.replace("veh-00123", "depot-7-1"), **{HEADER: DEPOT})
    assert answer.status_code == 202


async def test_a_key_over_its_rate_gets_an_answer_that_says_when_to_come_back(receiver: Receiver):
    many = "\n".join(GOOD.replace("56.123", f"56.{n:03d}") for n in range(600))
    for _ in range(2):
        assert (await receiver.post(many[: LIMIT - 1], "application/x-ndjson")).status_code == 202
    receiver.clock.advance(0)
    while (answer := await receiver.post(many, "application/x-ndjson")).status_code == 202:
        pass
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "rate" in problem(answer)
    receiver.clock.advance(int(answer.headers["retry-after"]))
    assert (await receiver.post(GOOD)).status_code == 202
    assert (await receiver.post(GOOD.replace("veh-00123", "depot-7-1"), **{HEADER: DEPOT})).status_code == 202


@pytest.mark.parametrize(
    ("path", "status"), [("/health/live", 200), ("/health/ready", 200), ("/", 200), ("/ingest", 405)]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_some_paths_are_for_every_client(receiver: Receiver, method: str, path: str, status: int):
    async with stranger(receiver) as client:
        assert (await client.request(method, path)).status_code == status


CLOSED = ["/metrics", "/docs", "/docs/openapi.json", "//metrics", "/metrics/", "/docs//openapi.yaml", "/else"]


@pytest.mark.parametrize("path", CLOSED)
async def test_all_other_paths_are_for_this_machine_or_for_who_has_a_key(receiver: Receiver, path: str):
    path = f"http://receiver{path}"  # so that two slashes are no host
    local = (await receiver.client.get(path, headers={HEADER: ""})).status_code
    assert local == (404 if path.endswith("/else") else 200)
    async with stranger(receiver) as client:
        answer = await client.get(path)
        assert answer.status_code == 401
        assert HEADER in problem(answer)
        assert HEADER in answer.headers["www-authenticate"]
        head = await client.head(path)
        assert (head.status_code, head.content) == (401, b"")
        assert (await client.get(path, headers={HEADER: "wrong"})).status_code == 401
        assert (await client.get(path, headers={HEADER: KEY})).status_code == local


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_what_comes_through_a_proxy_of_this_machine_is_not_from_this_machine(receiver, header: str):
    no_key = {HEADER: "", header: "10.0.0.1"}
    assert (await receiver.client.get("/metrics", headers=no_key)).status_code == 401


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.9.9.9", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.0.0.1", 401),
        ("::2", 401),
        ("x", 401),
    ],
)
async def test_addresses_of_this_machine_are_known(receiver: Receiver, address: str, status: int):
    async with stranger(receiver, address) as client:
        assert (await client.get("/metrics")).status_code == status


@pytest.mark.parametrize(
    ("policy", "address", "key", "is_permitted"),
    [
        ("loopback", "127.0.0.1", b"", True),
        ("loopback", "10.0.0.1", b"", False),
        ("loopback", "10.0.0.1", b"k", True),
        ("key", "127.0.0.1", b"", False),
        ("key", "127.0.0.1", b"k", True),
        ("open", "10.0.0.1", b"", True),
    ],
)
def test_access_is_decided_by_policy(policy, address: str, key: bytes, *, is_permitted: bool):
    clock = ManualClock()
    scope: Any = {"path": "/metrics", "client": (address, 1), "headers": [(HEADER.lower().encode(), key)]}
    keyring = Keyring([Grant("k")], clock)
    assert Access(policy, keyring, clock, Sessions(b"", keyring, clock)).permits(scope) is is_permitted


async def test_how_much_waits_is_for_those_who_may_see_it(receiver: Receiver):
    async with stranger(receiver) as client:
        assert (await client.get("/health/ready")).json() == {"status": "ok"}
        detail = await client.get("/health/ready", headers={HEADER: KEY})
    assert detail.json() == {"waiting": 0, "leased": 0, "dead": 0}


async def test_a_post_that_is_answered_403_or_503_is_not_charged(receiver: Receiver):
    receiver.keyring.replace([Grant(DEPOT, vehicles=["depot-7-*"], rate=1, name="depot")])
    ours = GOOD.replace("veh-00123", "depot-7-1")
    for _ in range(5):
        assert (await receiver.post(f"[{GOOD},{GOOD}]", **{HEADER: DEPOT})).status_code == 403
    receiver.queue.failing = {"send"}
    for _ in range(5):
        assert (await receiver.post(f"[{ours},{ours}]", **{HEADER: DEPOT})).status_code == 503
    receiver.queue.failing = ()
    assert (await receiver.post(f"[{ours},{ours},{ours}]", **{HEADER: DEPOT})).status_code == 202
    over = await receiver.post(ours, **{HEADER: DEPOT})
    assert (over.status_code, over.headers["retry-after"]) == (429, "2")


async def test_rejected_records_are_charged(receiver: Receiver):
    receiver.keyring.replace([Grant(KEY, rate=1)])
    assert (await receiver.post(f"[{','.join([BAD] * 11)}]")).status_code == 422
    over = await receiver.post(GOOD)
    assert (over.status_code, over.headers["retry-after"]) == (429, "10")


async def test_a_key_that_may_send_hardly_anything_is_asked_to_come_back_within_a_day(receiver: Receiver):
    receiver.keyring.replace([Grant(KEY, rate=1e-9)])
    assert (await receiver.post(GOOD)).status_code == 202
    assert (await receiver.post(GOOD)).headers["retry-after"] == "86400"


async def test_bodies_that_come_at_one_time_overdraw_a_rate_by_one_of_them(receiver: Receiver):
    receiver.keyring.replace([Grant(KEY, rate=1)])
    many = f"[{','.join([GOOD] * 10)}]"
    answers = await asyncio.gather(*(receiver.post(many) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] + [429] * 19
