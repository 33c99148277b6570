"""A consumer that a body with the word `killer` in it kills, as `kill -9` does."""

import os
import signal
import sys
from typing import Any

from telemetry.domain.transport import envelope
from telemetry.entrypoints.process import cli

_decode = envelope.decode


def _decode_or_die(body: bytes, *args: Any) -> Any:
    if b"killer" in body:
        os.kill(os.getpid(), signal.SIGKILL)
    return _decode(body, *args)


if __name__ == "__main__":
    setattr(envelope, "decode", _decode_or_die)  # noqa: B010  # of a function of the same name
    sys.exit(cli.main(["consumer"]))
