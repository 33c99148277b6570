"""An AWS in a process of its own, which keeps its state when it is killed, and calls to it that fail."""

import http.client
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness.roles import wait_until
from harness.stub import RESET, Answer, Call, s3_error, sqs_error
from telemetry.entrypoints.process.runtime import free_port

_SERVER = str(Path(sys.executable).parent / "roto-server")
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}


class Emulator:
    """SQS and S3 on a port of this machine, with their state in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.trace = folder / "trace.jsonl"
        self._command = [_SERVER, "--port", str(self.port), "--data-dir", str(folder / "aws")]
        self._log = folder / "aws.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--trace", str(self.trace)], stdout=log, stderr=log
            )
        wait_until(self.is_up, "the emulator to be up")

    def is_up(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()


class Fault(NamedTuple):
    """How a call goes wrong, and whether it is applied before."""

    name: str
    applied: bool
    sqs: Answer
    s3: Answer


FAULTS = (
    Fault("throttled", applied=False, sqs=sqs_error("RequestThrottled"), s3=s3_error("SlowDown", 503)),
    Fault("unavailable", applied=False, sqs=Answer(503), s3=Answer(503)),
    Fault("reset", applied=False, sqs=RESET, s3=RESET),
    Fault("answer lost", applied=True, sqs=RESET, s3=RESET),
)


class FaultyRoad:
    """Takes calls to an emulator; of each verb, every `every`-th goes wrong, each time in another way."""

    def __init__(self, emulator: Emulator, every: int) -> None:
        self._emulator = emulator
        self._every = every
        self._lock = threading.Lock()
        self.seen: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()
        self.is_failing: Callable[[str], bool] = lambda _verb: True

    def __call__(self, call: Call) -> Answer:
        verb = call.verb.split(" ")[0]
        with self._lock:
            self.seen[verb] += 1
            turn, left = divmod(self.seen[verb], self._every)
            fault = FAULTS[turn % len(FAULTS)] if not left and self.is_failing(verb) else None
            if fault:
                self.failed[verb, fault.name] += 1
        if fault is None or fault.applied:
            answer = self._forward(call)
        if fault is None:
            return answer
        return fault.s3 if " " in call.verb else fault.sqs

    def _forward(self, call: Call) -> Answer:
        method, path = call.verb.split(" ") if " " in call.verb else ("POST", "/")
        connection = http.client.HTTPConnection("127.0.0.1", self._emulator.port, timeout=60)
        try:
            connection.request(method, path, call.body, dict(call.headers))
            response = connection.getresponse()
            names = (
                "content-type",
                "etag",
                "last-modified",
                "x-amz-checksum-crc32",
                "x-amz-checksum-crc64nvme",
            )
            headers = {name: value for name in names if (value := response.getheader(name))}
            return Answer(response.status, response.read(), headers)
        except OSError:
            return Answer(502)
        finally:
            connection.close()
