"""The page at `/docs` works in a browser that reaches no host but the receiver."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from harness.pipeline import Pipeline

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_PATIENCE_S: Final = 60.0
_FIRST_FREE: Final = 10  # descriptors below this one are given to the browser by their number

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


class Browser:
    """A headless Chromium with one page, steered by its DevTools protocol over two pipes.

    Chromium reads commands from descriptor 3 and writes answers and events to 4, each ended by a zero byte.
    """

    def __init__(self, profile: Path) -> None:
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        options = [
            "--headless",
            "--no-sandbox",  # as root, which CI is
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", str(CHROMIUM), *options],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for descriptor in (theirs_in, theirs_out):
            os.close(descriptor)
        self.events: list[dict[str, Any]] = []
        self._unread = b""
        self._last = 0
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._last += 1
        command = {"id": self._last, "method": method, "params": parameters, **self._session}
        os.write(self._out, json.dumps(command).encode() + b"\0")
        while (message := self._read()).get("id") != self._last:
            self.events.append(message)
        assert "result" in message, message
        return message["result"]

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Look until an expression is true. Raise TimeoutError if it never is."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while not (value := self.evaluate(expression)):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"waited in vain for {expression}: {self.complaints()}")
            time.sleep(0.05)
        return value

    def requested(self) -> list[str]:
        """List the addresses that the page asked for."""
        asked = [
            event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent"
        ]
        return [each["request"]["url"] for each in asked]

    def complaints(self) -> list[str]:
        """List violations of the page's policy, exceptions and loads that failed."""
        said = [event["params"] for event in self.events]
        return [str(each) for each in said if "exceptionDetails" in each] + [
            each["entry"]["text"]
            for each in said
            if each.get("entry", {}).get("level") in {"error", "warning"}
        ]

    def close(self) -> None:
        with suppress(OSError):
            os.write(self._out, b'{"id": 0, "method": "Browser.close"}\0')
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], _PATIENCE_S)
            chunk = os.read(self._in, 1 << 16) if ready else b""
            if not chunk:
                raise TimeoutError("the browser does not answer")
            self._unread += chunk
        message, _, self._unread = self._unread.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read


def _pipe() -> tuple[int, int]:
    """Make a pipe whose ends have numbers that no redirection overwrites."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "browser")
    yield browser
    browser.close()


def text(selector: str) -> str:
    """Write the text of the first element, or nothing, in JavaScript."""
    return f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"


def click(selector: str) -> str:
    return f"(document.querySelector({json.dumps(selector)})?.click(), true)"


def test_the_page_shows_how_to_send_and_loads_everything_from_the_receiver(
    pipeline: Pipeline, browser: Browser
):
    pipeline.start("receiver")
    browser.call("Page.navigate", url=f"{pipeline.url}/docs")
    browser.wait_for(f"{text('#operations-records-ingest .opblock-summary-path')}.includes('ingest')")
    assert {urlsplit(url).netloc for url in browser.requested() if not url.startswith("data:")} == {
        urlsplit(pipeline.url).netloc
    }
    assert browser.complaints() == []


def test_a_record_is_sent_from_the_page_with_a_key_that_is_typed_into_it(
    pipeline: Pipeline, browser: Browser
):
    pipeline.start("receiver")
    browser.call("Page.navigate", url=f"{pipeline.url}/docs")
    browser.wait_for("document.querySelector('button.authorize') !== null")
    browser.evaluate(click("button.authorize"))
    browser.wait_for("document.querySelector('.auth-container input') !== null")
    browser.evaluate("document.querySelector('.auth-container input').focus()")
    browser.call("Input.insertText", text=pipeline.environment["API_KEY"])
    browser.evaluate(click(".auth-container button.authorize"))
    browser.wait_for("document.querySelector('.auth-container input') === null")
    browser.evaluate(click(".btn-done"))
    browser.evaluate(click("#operations-records-ingest .opblock-summary-control"))
    browser.wait_for("document.querySelector('.try-out__btn') !== null")
    browser.evaluate(click(".try-out__btn"))
    assert "battery_soc" in browser.wait_for("document.querySelector('.body-param__text')?.value")
    browser.wait_for("document.querySelector('.execute') !== null")
    browser.evaluate(click(".execute"))
    answered = browser.wait_for(text(".live-responses-table .response .response-col_status"))
    assert answered.split()[0] == "202", answered
    assert browser.complaints() == []
