"""Metrics are served where it is asked for, and what was asked for in vain is said."""

from collections.abc import Mapping

import httpx
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.metrics.consumer import ConsumerMetrics
from telemetry.domain.errors import UsageError
from telemetry.entrypoints.process.runtime import free_port
from telemetry.entrypoints.shared import scraping
from telemetry.entrypoints.shared.scraping import ScrapeOptions
from tests.builders import NOW
from tests.fakes import FailingQueue
from tests.waiting import until


def test_an_address_without_a_port_is_refused_by_its_name():
    with pytest.raises(UsageError, match="--metrics-host: metrics are served only with --metrics-port"):
        scraping.check(ScrapeOptions(metrics_host="0.0.0.0"))
    scraping.check(ScrapeOptions())


async def test_what_the_queue_holds_is_shown_also_when_it_cannot_be_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(scraping, "_ASK_EVERY_S", 0.001)
    queue, port = FailingQueue(ManualClock(NOW)), free_port()
    await queue.send([b"one", b"two"])
    metrics = ConsumerMetrics("1.2.3", tmp_path)

    async def shown() -> Mapping[str, str]:
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("telemetry_queue"))

    async with scraping.served(metrics, ScrapeOptions(metrics_port=port), queue):
        while (found := await shown()).get("telemetry_queue_reachable") != "1.0":
            pass
        assert found['telemetry_queue_messages{state="ready"}'] == "2.0"
        queue.failing = {"depth"}
        await until(lambda: queue.failures)
        while (await shown())["telemetry_queue_reachable"] != "0.0":
            pass
