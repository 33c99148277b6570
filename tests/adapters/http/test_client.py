"""A sender is patient with a receiver that is away, and says why it gave up."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from telemetry.adapters.http.client import HttpGateway
from telemetry.domain.contract.record import Answer
from telemetry.domain.proof.gateway import GatewayError

ACCEPTED = httpx.Response(202, json={"accepted": 2, "rejected": []})


class Script:
    """A receiver that gives one answer a request, as they are listed; the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let pauses be written down and pass at once."""
    passed: list[float] = []

    async def sleep(seconds: float) -> None:
        passed.append(seconds)

    monkeypatch.setattr("telemetry.adapters.http.client.asyncio.sleep", sleep)
    return passed


@pytest.fixture
async def gateway_to(monkeypatch: pytest.MonkeyPatch):
    made: list[HttpGateway] = []

    def make(script: Callable[[httpx.Request], httpx.Response], patience_s: float = 60) -> HttpGateway:
        gateway = HttpGateway("http://receiver", "the-key", connections=2, patience_s=patience_s)
        monkeypatch.setattr(gateway._client, "_transport", httpx.MockTransport(script))
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        await gateway.close()


async def test_lines_are_posted_with_the_key_and_answered(gateway_to):
    script = Script(ACCEPTED)
    assert await gateway_to(script).post(b"lines\n") == Answer(2, [])
    (request,) = script.requests
    assert request.url == "http://receiver/ingest"
    assert request.content == b"lines\n"
    assert request.headers["X-API-Key"] == "the-key"
    assert request.headers["Content-Type"] == "application/x-ndjson"


async def test_what_was_rejected_is_an_answer_too(gateway_to):
    rejected = {"accepted": 0, "rejected": [{"index": 0, "error": "timestamp: no"}]}
    answer = await gateway_to(Script(httpx.Response(422, json=rejected))).post(b"x")
    assert answer.rejected[0].error == "timestamp: no"


@pytest.mark.parametrize(
    "absence",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("silent"),
        httpx.RemoteProtocolError("hung up"),
        *(httpx.Response(status) for status in (408, 429, 500, 502, 503, 504)),
    ],
    ids=repr,
)
async def test_a_receiver_that_is_away_is_tried_again(gateway_to, pauses, absence):
    script = Script(absence, absence, absence, ACCEPTED)
    assert (await gateway_to(script).post(b"x")).accepted == 2
    assert len(script.requests) == 4
    assert pauses == sorted(pauses)  # each longer than the one before, whatever chance adds
    assert pauses[0] < 0.5


async def test_a_receiver_that_says_when_to_come_back_is_not_asked_before(gateway_to, pauses):
    script = Script(httpx.Response(429, headers={"Retry-After": "7"}), ACCEPTED)
    await gateway_to(script).post(b"x")
    assert 7 <= pauses[0] < 8


async def test_a_date_to_come_back_at_is_not_waited_for(gateway_to, pauses):
    script = Script(httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), ACCEPTED)
    await gateway_to(script).post(b"x")
    assert pauses[0] < 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415])
async def test_what_would_be_refused_again_is_not_sent_again(gateway_to, status: int):
    script = Script(httpx.Response(status, json={"detail": "for this reason"}))
    with pytest.raises(GatewayError, match=f"{status} for this reason"):
        await gateway_to(script).post(b"x")
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("absence", "reason"),
    [
        (httpx.ConnectError("refused"), "refused"),
        (httpx.ConnectError(""), "ConnectError"),
        (httpx.Response(503, content=b"<html>"), "503 Service Unavailable"),
    ],
)
async def test_patience_ends_with_the_last_reason(gateway_to, pauses, absence, reason):
    with pytest.raises(GatewayError, match=f"no answer in 0 s, the last was: {reason}"):
        await gateway_to(Script(absence), patience_s=0).post(b"x")
    assert pauses == []


async def test_what_is_no_receiver_is_said_to_be_none(gateway_to):
    with pytest.raises(GatewayError, match="does not answer as a receiver"):
        await gateway_to(Script(httpx.Response(202, content=b"<html>"))).post(b"x")


async def test_an_address_that_is_none_is_not_tried_again():
    gateway = HttpGateway("receiver:8000", "k", connections=1, patience_s=60)
    with pytest.raises(GatewayError, match="protocol"):
        await gateway.ready()
    await gateway.close()


async def test_being_ready_is_waited_for(gateway_to, pauses):
    script = Script(httpx.ConnectError("refused"), httpx.Response(503), httpx.Response(200))
    await gateway_to(script).ready()
    assert [request.url.path for request in script.requests] == ["/health/ready"] * 3
    assert len(pauses) == 2


async def test_connections_are_shared_by_many(gateway_to):
    script = Script(ACCEPTED)
    gateway = gateway_to(script)
    answers = await asyncio.gather(*(gateway.post(b"x") for _ in range(50)))
    assert [answer.accepted for answer in answers] == [2] * 50
