"""The live page over HTTP: who sees it, how a session begins and ends, and what it is sent."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry.adapters.http.auth import HEADER
from telemetry.adapters.http.dashboard import feed, files
from telemetry.adapters.http.session import COOKIE
from telemetry.domain.errors import OutOfReachError
from tests.adapters.http.receiver import DEPOT, KEY, Receiver, problem
from tests.builders import HOUR

INNER = (
    "/dashboard/feed",
    "/dashboard/parts",
    "/dashboard/hours/2025-10-19T14",
    "/dashboard/hours/2025-10-19T14/vehicles/v",
)
"""What only who may see the page is answered."""


def visitor(
    receiver: Receiver, address: str = "192.0.2.1", host: str = "telemetry.example"
) -> httpx.AsyncClient:
    """Make a browser, at another address and without a key."""
    transport = httpx.ASGITransport(receiver.app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=f"https://{host}")


async def sign_in(client: httpx.AsyncClient, key: str = KEY, **headers: str) -> httpx.Response:
    return await client.post("/dashboard/session", data={"key": key}, headers=headers)


async def test_a_stranger_is_shown_the_form_and_nothing_else(receiver: Receiver):
    async with visitor(receiver) as client:
        answer = await client.get("/dashboard")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert 'type="password"' in answer.text
        assert "uPlot" not in answer.text
        for path in INNER:
            refused = await client.get(path)
            assert (refused.status_code, problem(refused)) == (401, f"Send your key in the header {HEADER}.")


async def test_who_types_a_known_key_sees_the_page(receiver: Receiver):
    async with visitor(receiver) as client:
        begun = await sign_in(client)
        assert (begun.status_code, begun.headers["location"]) == (303, "/dashboard")
        cookie = begun.headers["set-cookie"]
        assert re.fullmatch(
            rf"{COOKIE}=\d{{12}}\.[0-9a-f]{{64}}; HttpOnly; Max-Age=43200; Path=/dashboard; SameSite=strict; Secure",
            cookie,
        )
        page = await client.get("/dashboard")
        assert "uPlot" in page.text
        assert "sign out" in page.text
        assert KEY not in page.text
        for path in INNER[1:]:
            assert (await client.get(path)).status_code == 200, path


async def test_a_cookie_is_not_secure_where_there_is_no_tls(receiver: Receiver):
    receiver.client.headers.pop(HEADER)
    for headers, is_secure in (({}, False), ({"X-Forwarded-Proto": "https"}, True)):
        begun = await sign_in(receiver.client, **headers)
        assert ("Secure" in begun.headers["set-cookie"]) is is_secure


async def test_who_types_another_key_is_told_so_and_has_to_wait(receiver: Receiver):
    async with visitor(receiver) as client:
        wrong = await sign_in(client, "<b>wrong")
        assert wrong.status_code == 401
        assert "This key is not known" in wrong.text
        assert "wrong" not in wrong.text.lower().replace("telemetry", "")
        assert "set-cookie" not in wrong.headers
        assert "www-authenticate" not in wrong.headers
        early = await sign_in(client)
        assert (early.status_code, early.headers["retry-after"]) == (429, "3")
        receiver.clock.advance(3)
        assert (await sign_in(client)).status_code == 303


async def test_of_a_proxy_on_this_machine_each_client_has_its_own_tries(receiver: Receiver):
    for client, forwarded, status in (
        ("127.0.0.1", "10.0.0.1", 401),
        ("127.0.0.1", "10.0.0.1", 429),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", 401),
        ("192.0.2.9", "10.0.0.3", 401),
        ("192.0.2.9", "10.0.0.4", 429),  # who is elsewhere may name anybody
    ):
        async with visitor(receiver, client) as browser:
            answer = await sign_in(browser, "wrong", **{"X-Forwarded-For": forwarded})
            assert answer.status_code == status, forwarded


async def test_a_form_without_a_key_or_with_nonsense_is_answered_as_a_wrong_one(receiver: Receiver):
    for content, status in ((b"", 401), (b"key", 401), (b"\xff=\xff&key=%ff", 401), (b"k" * 5000, 413)):
        async with visitor(receiver, f"address-{status}-{len(content)}") as client:
            answer = await client.post("/dashboard/session", content=content)
            assert answer.status_code == status, content[:20]


async def test_a_form_of_another_site_is_refused(receiver: Receiver):
    async with visitor(receiver) as client:
        for path in ("/dashboard/session", "/dashboard/session/end"):
            answer = await client.post(path, data={"key": KEY}, headers={"Sec-Fetch-Site": "cross-site"})
            assert (answer.status_code, problem(answer)) == (403, "This form was sent from another site.")
            assert "set-cookie" not in answer.headers


async def test_who_signs_out_is_a_stranger_again(receiver: Receiver):
    async with visitor(receiver) as client:
        await sign_in(client, DEPOT)
        assert (await client.get("/dashboard/parts")).status_code == 200
        ended = await client.post("/dashboard/session/end")
        assert ended.status_code == 303
        assert "Max-Age=0" in ended.headers["set-cookie"]
        assert (await client.get("/dashboard/parts")).status_code == 401


async def test_a_session_does_not_send_records(receiver: Receiver):
    async with visitor(receiver) as client:
        begun = await sign_in(client)
        cookie = begun.headers["set-cookie"].partition(";")[0]
        answer = await client.post("/ingest", json={}, headers={"Cookie": cookie})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("host", "is_page"),
    [
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("localhost", True),
        ("telemetry.example", False),
        ("localhost.evil.example", False),
    ],
)
async def test_of_this_machine_the_page_is_shown_unless_another_name_leads_here(
    receiver, host, *, is_page: bool
):
    async with visitor(receiver, "127.0.0.1", host) as client:
        assert ("uPlot" in (await client.get("/dashboard")).text) is is_page
        assert (await client.get("/dashboard/parts")).is_success is is_page
        assert (await client.get(f"https://{host}//dashboard//parts")).is_success is is_page


async def test_a_key_in_a_header_does_as_well(receiver: Receiver):
    for path in ("/dashboard", *INNER[1:]):
        assert (await receiver.client.get(path)).status_code == 200


async def test_nothing_is_loaded_from_elsewhere_and_no_script_is_in_the_page(receiver: Receiver):
    receiver.client.headers.pop(HEADER)
    for answer in (
        await receiver.client.get("/dashboard", headers={HEADER: KEY}),
        await receiver.client.get("/dashboard"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "://" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
        assert loaded
        assert [each for each in loaded if not each.startswith(("/dashboard/", "data:"))] == []
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", answer.text)


async def test_assets_are_for_everybody_and_kept_for_long(receiver: Receiver):
    async with visitor(receiver) as client:
        for address in files.ADDRESSES:
            answer = await client.get(address)
            assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
            assert answer.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css"}
        assert (await client.get(f"/dashboard/assets/{files.VERSION}/page.html")).status_code == 401
    for path in (f"{files.VERSION}/page.html", "0/page.css", f"{files.VERSION}/..%2f..%2fapp.py"):
        assert (await receiver.client.get(f"/dashboard/assets/{path}")).status_code == 404


def test_the_page_is_small():
    pages = sum(file.stat().st_size for file in files.FOLDER.glob("*.html"))
    assert pages + sum(map(len, files.ASSETS.values())) < 200_000


@pytest.mark.parametrize("name", ["uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE"])
def test_what_others_made_is_as_they_published_it(name: str):
    digest = hashlib.sha256((files.FOLDER / name).read_bytes()).hexdigest()
    assert f"| `{name}` | `{digest}` |" in (files.FOLDER / "README.md").read_text()


async def test_all_parts_are_answered_at_once_and_only_if_they_are_others(receiver: Receiver):
    answer = await receiver.client.get("/dashboard/parts")
    assert answer.json() == {"numbers": {"at": 1}, "hours": {}}
    known = {"If-None-Match": answer.headers["etag"]}
    again = await receiver.client.get("/dashboard/parts", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    receiver.source.parts["hours"] = b"[]"
    assert (await receiver.client.get("/dashboard/parts", headers=known)).json()["hours"] == []


async def test_hours_and_courses_are_asked_of_the_source(receiver: Receiver):
    assert (await receiver.client.get("/dashboard/hours/2025-10-19T14")).json() == {"report": {}}
    path = "/dashboard/hours/2025-10-19T14/vehicles/veh-1:a"
    assert (await receiver.client.get(path)).json() == {"records": 0}
    assert receiver.source.asked == [HOUR, ("veh-1:a", HOUR)]
    receiver.source.known = None
    assert (await receiver.client.get("/dashboard/hours/2025-10-19T14")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("hours/2025-13-19T14", 404),
        ("hours/yesterday", 400),
        ("hours/2025-10-19T14/vehicles/a%22b", 400),
        ("hours/2025-02-30T14/vehicles/a", 404),
    ],
)
async def test_what_is_no_hour_or_no_vehicle_is_refused(receiver: Receiver, path: str, status: int):
    assert (await receiver.client.get(f"/dashboard/{path}")).status_code == status
    assert receiver.source.asked == []


async def test_what_cannot_be_read_now_is_answered_503_with_its_reason(receiver: Receiver):
    receiver.source.error = OutOfReachError("the bucket is away")
    for path in INNER[2:]:
        answer = await receiver.client.get(path)
        assert (answer.status_code, problem(answer)) == (503, "the bucket is away")
        assert answer.headers["retry-after"] == "5"


class Viewer:
    """A client of the feed, whose events are read one after another."""

    def __init__(self, receiver: Receiver, method: str = "GET") -> None:
        self._receiver = receiver
        self._gone = asyncio.Event()
        self._came: asyncio.Queue[bytes] = asyncio.Queue()
        self.started: dict[str, Any] = {}
        headers = [(b"host", b"127.0.0.1")]
        scope: Any = {
            "type": "http", "method": method, "path": "/dashboard/feed", "raw_path": b"/dashboard/feed",
            "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http",
            "server": ("127.0.0.1", 80), "root_path": "", "http_version": "1.1", "state": {},
            "asgi": {"version": "3.0"}, "extensions": {},
        }  # fmt: skip
        self.task = asyncio.create_task(receiver.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            self.started = event
        else:
            await self._came.put(event["body"])

    async def next(self) -> str:
        async with asyncio.timeout(60):
            return (await self._came.get()).decode()

    async def leave(self) -> None:
        self._gone.set()
        async with asyncio.timeout(60):
            await self.task


async def test_a_viewer_is_sent_each_part_and_then_what_has_changed(receiver: Receiver):
    viewer = Viewer(receiver)
    assert "retry: 2000" in await viewer.next()
    assert await viewer.next() == 'event: numbers\r\ndata: {"at":1}\r\n\r\n'
    assert await viewer.next() == "event: hours\r\ndata: {}\r\n\r\n"
    assert dict(viewer.started["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
    receiver.source.parts["numbers"] = b'{"at":2}'
    assert await viewer.next() == 'event: numbers\r\ndata: {"at":2}\r\n\r\n'
    await viewer.leave()


async def test_a_comment_is_sent_in_every_15_seconds(receiver: Receiver):
    viewer = Viewer(receiver)
    for _ in range(3):
        await viewer.next()
    receiver.clock.advance(15)
    assert await viewer.next() == ": still here\r\n\r\n"
    await viewer.leave()


async def test_a_comment_is_sent_also_while_reading_takes_long(receiver: Receiver, monkeypatch):
    monkeypatch.setattr(feed, "COMMENT_EVERY_S", 0.01)
    receiver.source.gate.clear()
    viewer = Viewer(receiver)
    await viewer.next()
    assert await viewer.next() == ": still here\r\n\r\n"
    receiver.source.gate.set()
    while "numbers" not in await viewer.next():
        pass
    await viewer.leave()


async def test_there_is_a_bound_to_viewers_and_who_leaves_makes_room(receiver: Receiver, monkeypatch):
    monkeypatch.setattr(feed, "MOST_VIEWERS", 2)
    viewers = [Viewer(receiver) for _ in range(2)]
    for each in viewers:
        await each.next()
    refused = await receiver.client.get("/dashboard/feed")
    assert (refused.status_code, problem(refused)) == (503, "There are too many viewers.")
    await viewers[0].leave()
    another = Viewer(receiver)
    await another.next()
    await another.leave()
    await viewers[1].leave()


async def test_who_asks_only_for_the_head_of_the_feed_is_answered_at_once(receiver: Receiver):
    answer = await receiver.client.head("/dashboard/feed")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_pages_inner_routes_are_in_no_description():
    assert "/dashboard" not in Path("docs/api-spec.yaml").read_text()
