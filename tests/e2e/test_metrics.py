"""What the roles show to Prometheus agrees with what is in the store."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import httpx
import pytest

from harness.roles import Roles, wait_until
from telemetry.entrypoints.process.runtime import free_port
from tests.builders import a_body

HEADERS = {"X-API-Key": "k", "Content-Type": "application/json"}


class Scraped(Roles):
    """All roles, each of which can be asked for its metrics."""

    def __init__(self, folder: Path) -> None:
        settings = {
            "API_KEY": "k",
            "DATA_DIR": str(folder),
            "SKEW_MAX_PAST": "1e9",
            "AGGREGATE_INTERVAL": "0.1",
        }
        super().__init__(folder, settings, folder=folder)
        self.addresses = {"receiver": f"{self.url}/metrics"}
        for role in ("consumer", "aggregator"):
            port = free_port()
            self.start(role, "--metrics-port", str(port))
            self.addresses[role] = f"http://127.0.0.1:{port}/metrics"
        self.start("receiver")

    def scrape(self, role: str) -> str:
        try:
            return httpx.get(self.addresses[role], trust_env=False).text
        except httpx.TransportError:  # it starts
            return ""

    def answers(self, role: str) -> bool:
        return "telemetry_build_info" in self.scrape(role)

    def values(self, role: str) -> Mapping[str, float]:
        """Return the values of a role by their names and labels."""
        lines = re.findall(r"^(telemetry_\S+) (\S+)$", self.scrape(role), re.MULTILINE)
        return {name: float(value) for name, value in lines}


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[Scraped]:
    roles = Scraped(tmp_path)
    yield roles
    roles.stop_all()


def test_what_is_shown_is_what_was_stored_and_built(scraped: Scraped):
    bodies = [a_body(vehicle_id=f"v-{number}") for number in range(10)]
    for body in [*bodies, bodies[0], a_body(timestamp="nonsense")]:
        httpx.post(f"{scraped.url}/ingest", content=body, headers=HEADERS, trust_env=False)
    wait_until(
        lambda: scraped.values("consumer").get('telemetry_stored_records_total{tree="raw"}') == 11,
        "all to be counted as stored",
    )
    receiver, consumer = scraped.values("receiver"), scraped.values("consumer")
    assert receiver['telemetry_ingest_records_total{outcome="accepted"}'] == 11
    assert receiver['telemetry_ingest_rejected_records_total{reason="timestamp"}'] == 1
    assert receiver['telemetry_ingest_requests_total{status="422"}'] == 1
    assert receiver["telemetry_queue_reachable"] == 1
    assert consumer['telemetry_latency_seconds_count{stage="end_to_end"}'] == 11
    assert consumer["telemetry_batch_records_sum"] == 11
    lines = b"".join(file.read_bytes() for file in scraped.logs.glob("raw/**/batch-*.jsonl"))
    assert consumer["telemetry_stored_bytes_total"] == len(lines)
    assert lines.count(b"\n") == 11
    wait_until(
        lambda: scraped.values("aggregator").get('telemetry_day_records{kind="duplicates"}') is not None,
        "the aggregator to show the last day",
    )
    assert scraped.values("aggregator")["telemetry_figures_built_total"] >= 1


def test_what_each_role_shows_is_as_prometheus_wants_it(scraped: Scraped):
    if not (promtool := shutil.which("promtool")):
        pytest.skip("promtool is not installed")
    for role in ("receiver", "consumer", "aggregator"):
        wait_until(partial(scraped.answers, role), f"the {role} to answer")
        text = scraped.scrape(role).encode()
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, b""), role
