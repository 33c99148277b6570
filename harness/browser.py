"""A headless Chromium with one page, for tests and for pictures."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")

NAME: Final = "telemetry.test"
"""The only name that the browser knows, beside addresses: it is this machine's."""

_PATIENCE_S: Final = 60.0
_NARROW: Final = 500  # pixels, below which a screen is that of a phone
_CODES: Final = {"Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
_FIRST_FREE: Final = 10  # descriptors below this one are given to the browser by their number


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
            f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
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

    def open(self, url: str) -> None:
        """Go to a page, and forget what was before it."""
        self.call("Page.navigate", url="about:blank")
        self.wait_for("location.href === 'about:blank' && document.readyState === 'complete'")
        self.events.clear()
        self.call("Page.navigate", url=url)

    def show(self, width: int, height: int, scheme: str = "light") -> None:
        """Be as wide and as high, and prefer this colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < _NARROW}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = _CODES.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

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


def text(selector: str) -> str:
    """Write the text of the first element, or nothing, in JavaScript."""
    return f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"


def click(selector: str) -> str:
    return f"(document.querySelector({json.dumps(selector)})?.click(), true)"
