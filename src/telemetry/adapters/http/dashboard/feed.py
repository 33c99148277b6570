"""What viewers are sent: each part of the page when it has changed, as server-sent events.

All viewers share one read, however many there are. A viewer that is slow gets what is newest when it is ready
for it, and nothing waits for it here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from typing import Final

from litestar.response import ServerSentEventMessage

from telemetry.adapters.http.dashboard.source import Source
from telemetry.domain.clock import Clock

EVERY_S: Final = 2.0
"""How often the parts are looked at for a viewer."""

COMMENT_EVERY_S: Final = 15.0
"""How often a comment is sent, so that nothing between takes the connection for dead."""

MOST_VIEWERS: Final = 100
"""Viewers that are sent events by one process; others ask again and again."""

_RETRY_MS: Final = 2_000


class Feed:
    """The events of one process; `viewers` counts who is sent them."""

    def __init__(self, source: Source, clock: Clock, every_s: float = EVERY_S) -> None:
        self.source = source
        self._clock = clock
        self._every_s = every_s
        self.viewers = 0

    @property
    def is_full(self) -> bool:
        return self.viewers >= MOST_VIEWERS

    async def events(self) -> AsyncIterator[ServerSentEventMessage]:
        """Yield what one viewer is sent, without an end."""
        self.viewers += 1
        try:
            yield ServerSentEventMessage(data=None, comment="telemetry", retry=_RETRY_MS)
            async for message in self._messages():
                yield message
        finally:
            self.viewers -= 1

    async def _messages(self) -> AsyncIterator[ServerSentEventMessage]:
        sent: Mapping[str, bytes] = {}
        commented_s = self._clock.monotonic_s()
        while True:
            looking = asyncio.ensure_future(self.source.look())
            try:
                while not (await asyncio.wait({looking}, timeout=COMMENT_EVERY_S))[0]:
                    yield _COMMENT
            finally:
                looking.cancel()
            parts = looking.result()
            for name, part in parts.items():
                if sent.get(name) != part:
                    yield ServerSentEventMessage(data=part, event=name)
            sent = parts
            if self._clock.monotonic_s() - commented_s >= COMMENT_EVERY_S:
                commented_s = self._clock.monotonic_s()
                yield _COMMENT
            await asyncio.sleep(self._every_s)


_COMMENT: Final = ServerSentEventMessage(data=None, comment="still here")


def together(parts: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return all parts as one JSON object, for who asks again and again, and its ETag."""
    body = b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), part) for name, part in parts.items())
    return body, f'"{blake2b(body, digest_size=12).hexdigest()}"'
