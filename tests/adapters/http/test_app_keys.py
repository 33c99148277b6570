"""Which key may send, for whom, and how much."""

import pytest

from telemetry.adapters.http.auth import HEADER
from tests.adapters.http.receiver import DEPOT, GOOD, KEY, LIMIT, Receiver, problem


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
