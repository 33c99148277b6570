"""A receiver behind nginx, as deploy/nginx sets it up: vehicles see TLS, and nothing else changes."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from harness.pipeline import Pipeline
from harness.roles import wait_until
from telemetry.entrypoints.process.runtime import free_port
from tests.builders import a_body

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "telemetry.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not installed")


class Certificate(NamedTuple):
    file: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    kind = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command = [str(OPENSSL), *kind, *named, "-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(command, check=True, capture_output=True)
    return made


@contextmanager
def proxy(folder: Path, receiver_port: int, shown: Certificate) -> Iterator[int]:
    """Run nginx with the configuration as it is, but for ports and the place of the certificate."""
    port = free_port()
    site = CONFIGURATION.read_text()
    for told, instead in {
        "127.0.0.1:8000": f"127.0.0.1:{receiver_port}",
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/ssl/telemetry.pem": str(shown.file),
        "/etc/ssl/private/telemetry.key": str(shown.key),
    }.items():
        assert told in site
        site = site.replace(told, instead)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{site}}}\n"
    (folder / "nginx.conf").write_text(whole)
    with (folder / "nginx.err").open("wb") as errors:
        running = subprocess.Popen(
            [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=errors
        )
    try:
        yield port
    finally:
        running.terminate()
        running.wait()


def test_vehicles_post_over_tls_and_what_is_for_operators_stays_closed(tmp_path: Path, pipeline: Pipeline):
    pipeline.start("receiver")
    shown = certificate(tmp_path)
    with (
        proxy(tmp_path, pipeline.port, shown) as port,
        httpx.Client(
            base_url=f"https://localhost:{port}",
            verify=ssl.create_default_context(cafile=shown.file),
            trust_env=False,
        ) as client,
    ):

        def answers() -> bool:
            try:
                return client.get("/health/live").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(answers, "nginx to answer")
        headers = {"X-API-Key": "test-key", "Content-Type": "application/json"}
        assert client.post("/ingest", content=a_body(), headers=headers).status_code == httpx.codes.ACCEPTED
        assert client.post("/ingest", content=a_body()).status_code == httpx.codes.UNAUTHORIZED
        too_large = client.post("/ingest", content=b" " * 20_000_000, headers=headers)
        assert too_large.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        assert too_large.headers["Content-Type"] == "application/problem+json"
        # The receiver sees an address of this machine, and that it is a proxy's.
        assert client.get("/metrics").status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
        assert 'type="password"' in client.get("/dashboard").text
        begun = client.post("/dashboard/session", data={"key": "test-key"})
        assert begun.headers["set-cookie"].endswith("; Secure")
        with client.stream("GET", "/dashboard/feed") as feed:  # whose first event comes before its end
            assert any(line == "event: numbers" for line in feed.iter_lines())
