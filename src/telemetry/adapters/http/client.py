"""The client of a receiver: it keeps connections alive, and tries again while the receiver is away."""

import asyncio
import random
from typing import Final

import httpx
import msgspec

from telemetry.adapters.http.auth import HEADER
from telemetry.domain.backoff import Backoff
from telemetry.domain.contract.record import Answer
from telemetry.domain.proof.gateway import GatewayError

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_LONGEST_SILENCE_S: Final = 30.0
_TRY_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})  # statuses that another try may change
_ANSWERED: Final = frozenset({202, 422})

_decode: Final = msgspec.json.Decoder(Answer).decode


class _Problem(msgspec.Struct):
    detail: str = ""


class HttpGateway:
    """A receiver at `url` over up to `connections` connections; a body is tried for at most `patience_s`."""

    def __init__(self, url: str, key: str, connections: int, patience_s: float) -> None:
        self._patience_s = patience_s
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={HEADER: key, "Content-Type": "application/x-ndjson"},
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=False,  # a proxy from the environment would see the key
        )

    async def ready(self) -> None:
        await self._until_answered("GET", "/health/ready", b"", frozenset({200}))

    async def post(self, lines: bytes) -> Answer:
        body = await self._until_answered("POST", "/ingest", lines, _ANSWERED)
        try:
            return _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise GatewayError(
                f"{self._client.base_url}: it does not answer as a receiver: {error}"
            ) from error

    async def _until_answered(self, method: str, path: str, content: bytes, answers: frozenset[int]) -> bytes:
        """Ask until the status is one of `answers`; return the body. Raise GatewayError if it never is."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._patience_s
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, random.random)
        while True:
            try:
                response = await self._client.request(
                    method, path, content=content, timeout=_timeout(deadline_s - loop.time())
                )
            except httpx.UnsupportedProtocol as error:
                raise GatewayError(f"{self._client.base_url}: {error}") from error
            except httpx.RequestError as error:
                reason, asked_s = str(error) or type(error).__name__, 0.0
            else:
                if response.status_code in answers:
                    return response.content
                reason, asked_s = _refusal(response), _retry_after_s(response)
                if response.status_code not in _TRY_AGAIN:
                    raise GatewayError(f"{self._client.base_url}: {reason}")
            pause_s = backoff.pause_s(asked_s)
            if loop.time() + pause_s > deadline_s:
                raise GatewayError(
                    f"{self._client.base_url}: no answer in {self._patience_s:g} s, the last was: {reason}"
                )
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        await self._client.aclose()


def _timeout(left_s: float) -> httpx.Timeout:
    """Bound the wait for an answer by the time that is left; the wait for a free connection has no bound."""
    return httpx.Timeout(min(_LONGEST_SILENCE_S, max(left_s, _FIRST_PAUSE_S)), pool=None)


def _refusal(response: httpx.Response) -> str:
    """Return the status of a refusal with its reason."""
    try:
        detail = msgspec.json.decode(response.content, type=_Problem).detail
    except (msgspec.DecodeError, UnicodeDecodeError):
        detail = ""
    return f"{response.status_code} {detail or response.reason_phrase}"


def _retry_after_s(response: httpx.Response) -> float:
    """Return the seconds that a receiver asks to wait; a date, which the header may hold too, counts as 0."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


async def fetch(url: str, key: str | None, patience_s: float) -> str | None:
    """Return what is answered at an address, asked with a key if there is one; None if it does not answer."""
    headers = {HEADER: key} if key else {}
    try:
        async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=patience_s) as asking:
            response = await asking.get(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return response.text if response.is_success else None
