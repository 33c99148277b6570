"""An AWS that answers what a test tells it to, so that faults come when they are wanted."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, cast


class Call(NamedTuple):
    """A request: what is asked of SQS by its target, or of S3 by method and path."""

    verb: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def asked(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.body))


class Answer(NamedTuple):
    """A response; one without a status resets the connection instead."""

    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] = {}


RESET = Answer(None)
Script = Callable[[Call], Answer]


def ok(**content: Any) -> Answer:
    return Answer(200, json.dumps(content).encode(), {"Content-Type": "application/x-amz-json-1.0"})


def sqs_error(code: str, status: int = 400) -> Answer:
    body = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "said so"}).encode()
    return Answer(status, body, {"Content-Type": "application/x-amz-json-1.0"})


def s3_error(code: str, status: int) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


class Stub:
    """What was asked so far, and who answers the next call."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.url = ""

    def verbs(self) -> list[str]:
        return [call.verb for call in self.calls]


@contextmanager
def serve(stub: Stub) -> Iterator[None]:
    """Let a stub answer on a port of its own, whose address is put into it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            target = self.headers.get("X-Amz-Target", f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = Call(target.rpartition("AmazonSQS.")[2], dict(self.headers), body)
            stub.calls.append(call)
            status, content, headers = stub.script(call)
            if status is None:
                hard = struct.pack("ii", 1, 0)  # no linger: the other side sees a reset and not an end
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  # the base class's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
