"""`telemetry triggers`: compares what is measured, and its exit status says whether a bound is exceeded."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from telemetry.domain.contract.moment import HOUR_MS, format_hour, hour_of
from telemetry.domain.transport.lease import Depth
from telemetry.domain.watch.lately import Lately, Tallies
from telemetry.domain.watch.vitals import Reading
from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import weighing
from tests.builders import NOW, put_batch, some_records
from tests.unit.watch.test_triggers import a_line


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_nothing_fires_where_nothing_is_known(capsys):
    assert cli.main(["triggers"]) == 0
    out = capsys.readouterr().out
    assert out.count(" no ") == 6
    assert "in this order" not in out


def test_duplicates_of_the_last_hours_fire_and_say_what_to_do(data: Path, capsys):
    container = Container(settings=Settings(data_dir=data))
    now = container.clock().wall_ms()
    records = some_records(10, now - HOUR_MS - now % HOUR_MS)

    async def prepare() -> None:
        for suffix in ("jsonl", "jsonl.zst"):
            await put_batch(container.storage(), *records, now=now, suffix=suffix)
        await container.queue().close()

    asyncio.run(prepare())
    assert cli.main(["aggregator", "--hour", format_hour(hour_of(records[0].timestamp_ms))]) == 0
    assert cli.main(["triggers", "--json"]) == 1
    found = {each["name"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert [name for name, each in found.items() if each["fires"]] == ["duplicates"]
    assert found["duplicates"]["value"] == 0.5
    assert found["sustained rate"]["value"] == pytest.approx(20 / 3600)
    assert found["month on AWS"]["value"] > 0
    assert cli.main(["triggers"]) == 1
    assert "duplicates: over 0.005 share, so, in this order\n  1. consumers: " in capsys.readouterr().out


def test_what_roles_and_queue_say_is_compared_as_well():
    consumer = Tallies(NOW, stored=100, messages=1, objects=1, size=30_000)
    aggregator = Tallies(NOW, longest_build_s=700)
    reading = Reading(
        lately=[Lately("consumer", consumer, Tallies(0)), Lately("aggregator", aggregator, Tallies(0))],
        depth=Depth(1, 0, 0),
        oldest_ms=NOW - 90_000,
    )
    lines = [a_line(records=36_000_000, vehicles=1000)]
    found = weighing.measure(Settings(), reading, lines, NOW)
    assert (found.oldest_s, found.build_s, found.records_per_s) == (90, 700, 10_000)
    single = msgspec.structs.replace(consumer, messages=100)
    costly = weighing.measure(
        Settings(), Reading(lately=[Lately("consumer", single, Tallies(0))]), lines, NOW
    )
    assert found.month
    assert costly.month
    assert costly.month > found.month  # since nothing shares a message
