"""`telemetry aggregator` builds the hours that it is asked for, or keeps all of them up to date."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from telemetry.adapters.clock import ManualClock, SystemClock
from telemetry.adapters.metrics.aggregator import AggregatorMetrics
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, format_hour, hour_of, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.figures.watch import Watch
from telemetry.domain.store import objects
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.entrypoints.process import cli, log
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import aggregator
from telemetry.entrypoints.shared import reporting
from telemetry.entrypoints.shared.turning import Turns
from tests.builders import HOUR, NOW, a_record, an_envelope, put_batch
from tests.fakes import FailingQueue, FailingStorage
from tests.unit.store.stepped import AT_ONCE, SteppedConsumer

METRICS = AggregatorMetrics("1.2.3", Path())


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with one record in each of two hours."""
    monkeypatch.chdir(tmp_path)
    for hour in (14, 16):
        ms = (HOUR + hour - 14) * HOUR_MS
        folder = tmp_path / f"data/raw/year=2025/month=10/day=19/hour={hour}"
        folder.mkdir(parents=True)
        record = Record(ms, "veh-1", "0x1F0", {"battery_soc": 50.0}, ms + 5)
        (folder / "batch-1-0.jsonl").write_bytes(codec.encode_lines([record]))
    return tmp_path / "data"


def built(store: Path) -> list[str]:
    return sorted(json.loads(file.read_text())["hour"][:13] for file in store.glob("aggregated/**/*.json"))


def test_an_hour_is_built(store: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 0
    assert built(store) == ["2025-10-19T14"]
    assert "Hour aggregated: hour=2025-10-19T14, vehicles=1, records=1" in capsys.readouterr().err


def test_a_span_is_built_in_processes_with_both_its_ends(store: Path):
    assert cli.main(["aggregator", "--from", "2025-10-19T14", "--to", "2025-10-19T16"]) == 0
    assert built(store) == ["2025-10-19T14", "2025-10-19T16"]
    states = list(store.glob("cache/*/state-*"))
    assert len(states) == 2


def test_where_nothing_is_stored_it_says_so_and_fails(store: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["aggregator", "--hour", "2024-01-01T00"]) == 1
    assert "nothing stored" in capsys.readouterr().err
    assert built(store) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "2025-10-19T14"],
        ["--to", "2025-10-19T14"],
        ["--hour", "2025-10-19T14", "--from", "2025-10-19T14", "--to", "2025-10-19T14"],
        ["--hour", "yesterday"],
    ],
)
def test_hours_that_make_no_sense_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["aggregator", *arguments])
    assert ended.value.code == 2
    assert "--" in capsys.readouterr().err


async def test_running_on_it_builds_what_has_changed_and_survives_a_damaged_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    configured = Settings(data_dir=tmp_path, aggregate_interval=0.01)
    container = Container(settings=configured)
    now = container.clock().wall_ms()
    record = Record(now, "veh-1", "0x1F0", {"battery_soc": 50.0}, now)
    key = f"raw/{hour_path(hour_of(now))}/batch-1-0.jsonl"
    await container.storage().put(key, codec.encode_lines([record]))
    await container.storage().put(f"raw/{hour_path(hour_of(now - HOUR_MS))}/batch-1-0.jsonl.zst", b"damaged")
    stopping = asyncio.Event()
    with Heartbeat(tmp_path, "aggregator") as heartbeat:
        serving = asyncio.create_task(
            aggregator.serve(container, log.configure(configured, "Aggregator"), stopping, heartbeat, METRICS)
        )
        while len(list(tmp_path.glob("aggregated/**/*.json"))) < 2:
            await asyncio.sleep(0)
        stopping.set()
        assert await serving == 0
    said = capsys.readouterr().err
    assert f"key=raw/{hour_path(hour_of(now - HOUR_MS))}/batch-1-0.jsonl.zst" in said
    assert said.count("An object is damaged") == 1


def test_what_is_damaged_is_named_the_rest_is_built_and_it_fails(store: Path, capsys):
    folder = store / "raw/year=2025/month=10/day=19/hour=14"
    (folder / "batch-2-0.jsonl.zst").write_bytes(b"damaged")
    with (folder / "batch-1-0.jsonl").open("ab") as lines:
        lines.write(b"torn off\n")
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 1
    said = capsys.readouterr().err
    assert "batch-1-0.jsonl, error=1 line is left out, line 2: " in said
    assert "batch-2-0.jsonl.zst, error=It is not one whole zstd frame" in said
    figures = json.loads(next(store.glob("aggregated/**/*.json")).read_text())
    assert (figures["unique"], figures["refused"], figures["damaged"]) == (1, 1, 1)


async def test_running_on_it_survives_a_store_that_is_away(capsys: pytest.CaptureFixture[str]):
    storage, stopping = FailingStorage(SystemClock()), asyncio.Event()
    storage.failing, storage.failure = {"list"}, StoreUnavailableError("the store is away")
    turns = Turns(
        Watch(storage), Aggregator(storage), SystemClock(), log.configure(Settings(), "Aggregator"), METRICS
    )
    for _ in range(3):
        assert (await turns.take(stopping)).is_away
    assert capsys.readouterr().err.count("the store is away") == 1
    storage.failing = ()
    assert not (await turns.take(stopping)).is_away


async def test_hours_that_cannot_be_certified_wait_for_a_pause_and_keep_no_others_waiting():
    clock = ManualClock(NOW + 3 * HOUR_MS)
    storage, stopping = FailingStorage(clock), asyncio.Event()
    hours = [Hour(HOUR - number) for number in range(20)]
    for hour in hours:
        await put_batch(storage, a_record(timestamp_ms=NOW + (hour - HOUR) * HOUR_MS))
        assert await Aggregator(storage).build(hour)
    certifier = Certifier(storage, clock, Inquiry(storage, FailingQueue(clock)))
    certified = Aggregator(storage, certifier=certifier)
    logger = log.configure(Settings(), "Aggregator")
    turns = Turns(Watch(storage), certified, clock, logger, METRICS)

    async def settled() -> int:
        taken = 1
        while (await turns.take(stopping)).has_more:
            taken += 1
            assert taken < 20
        return taken

    broken, others = hours[:12], hours[12:]
    storage.refused_puts = tuple(objects.aggregated_key(hour) for hour in broken)
    for _ in range(4):
        await settled()
    assert [hour for hour in others if not await is_complete(storage, hour)] == []
    storage.refused_puts = ()
    for _ in range(4):
        await settled()
    assert [hour for hour in hours if not await is_complete(storage, hour)] == []


async def is_complete(storage: FailingStorage, hour: Hour) -> bool:
    return bool(await storage.list(objects.complete_key(hour)))


async def test_after_outages_of_days_and_a_replay_after_a_month_the_aggregator_that_runs_says_what_it_built(
    capsys: pytest.CaptureFixture[str],
):
    consumer = SteppedConsumer(AT_ONCE)
    logger = log.configure(Settings(), "Aggregator")

    async def settled() -> None:
        while (await turns.take(asyncio.Event())).has_more:
            pass

    def started() -> Turns:
        return Turns(Watch(consumer.storage), Aggregator(consumer.storage), consumer.clock, logger, METRICS)

    def said(*hours: int) -> bool:
        """Return whether these hours were built, and no others."""
        built = re.findall(r"Hour aggregated: hour=([^,]+)", capsys.readouterr().err)
        return built == [format_hour(Hour(HOUR + hour)) for hour in hours]

    turns = started()
    await settled()
    await consumer.send(an_envelope(a_record()))  # and the consumer is away for 26 hours
    for _ in range(26):
        consumer.clock.advance(3600)
        await settled()
    await consumer.due_turn()
    await settled()
    assert said(0)

    ms = consumer.clock.wall_ms()  # the aggregator is away for 8 days
    await consumer.send(an_envelope(a_record(timestamp_ms=ms, received_ms=ms)))
    await consumer.due_turn()
    consumer.clock.advance(8 * 24 * 3600)
    turns = started()
    await settled()
    assert said(26)

    await consumer.send(an_envelope(a_record(can_id="0x2")))  # a letter that is dead for 30 days
    while not (await consumer.queue.depth()).dead:
        await consumer.queue.receive(1, 0)
        consumer.clock.advance(30)
    for _ in range(30):
        consumer.clock.advance(24 * 3600)
        await settled()
    (letter,) = await consumer.queue.dead(10)
    await consumer.queue.redrive([letter.handle])
    await consumer.due_turn()
    await settled()
    assert said(0)


async def test_what_is_wrong_with_an_hour_is_said_once_and_when_it_is_over(
    capsys: pytest.CaptureFixture[str],
):
    storage = FailingStorage(SystemClock())
    turns = Turns(
        Watch(storage), Aggregator(storage), SystemClock(), log.configure(Settings(), "Aggregator"), METRICS
    )
    now = hour_of(SystemClock().wall_ms())
    await put_batch(storage, a_record(timestamp_ms=now * HOUR_MS, received_ms=now * HOUR_MS))
    storage.refused = f"raw/{hour_path(now)}"
    for _ in range(3):
        await turns.take(asyncio.Event())
    assert (
        capsys.readouterr().err.count(f"It could not be listed, the rest goes on: name={format_hour(now)}")
        == 1
    )
    storage.refused = None
    storage.failing = {"get"}
    for number in range(3):
        await put_batch(storage, a_record(timestamp_ms=now * HOUR_MS + number, received_ms=now * HOUR_MS))
        await turns.take(asyncio.Event())
    printed = capsys.readouterr().err
    assert printed.count(f"It can be listed again: name={format_hour(now)}") == 1
    assert (
        printed.count(f"An hour could not be built, trying again: hour={format_hour(now)}, error=get fails")
        == 1
    )
    storage.failing = ()
    await put_batch(storage, a_record(timestamp_ms=now * HOUR_MS + 9, received_ms=now * HOUR_MS))
    await turns.take(asyncio.Event())
    assert f"The hour can be built again: hour={format_hour(now)}" in capsys.readouterr().err


def test_figures_that_were_built_from_more_are_kept_until_they_are_built_on_purpose(
    store: Path, capsys: pytest.CaptureFixture[str]
):
    folder = store / "raw/year=2025/month=10/day=19/hour=14"
    more = Record(HOUR * HOUR_MS, "veh-2", "0x1F0", {"battery_soc": 50.0}, HOUR * HOUR_MS)
    (folder / "batch-2-0.jsonl").write_bytes(codec.encode_lines([more]))
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 0
    (folder / "batch-2-0.jsonl").unlink()
    assert cli.main(["aggregator", "--hour", "2025-10-19T14"]) == 1
    said = capsys.readouterr().err
    assert "WARNING [Aggregator] The figures are kept: they were built from more than is there now: " in said
    assert "hour=2025-10-19T14, objects_before=2, objects_now=1, records_before=2, missing=raw/" in said
    assert "hour=14/batch-2-0.jsonl, remedy=telemetry aggregator --hour 2025-10-19T14 --force builds" in said
    assert cli.main(["aggregator", "--hour", "2025-10-19T14", "--force"]) == 0
    assert "records=1" in capsys.readouterr().err


async def test_where_the_raw_store_is_gone_it_is_said_once_for_all_hours(capsys: pytest.CaptureFixture[str]):
    storage, clock = FailingStorage(SystemClock()), SystemClock()
    keys = [await put_batch(storage, a_record(timestamp_ms=NOW - each * HOUR_MS)) for each in range(3)]

    def new_turns() -> Turns:
        logger = log.configure(Settings(), "Aggregator")
        return Turns(Watch(storage), Aggregator(storage), clock, logger, METRICS)

    turns = new_turns()
    while (await turns.take(asyncio.Event())).has_more:
        pass
    for key in keys:
        await storage.delete(key)
    turns = new_turns()
    while (await turns.take(asyncio.Event())).has_more:
        pass
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "are kept: they were built from more than is there now: hours=3, first=2025-10-19T12, " in said
    assert "--from 2025-10-19T12 --to 2025-10-19T14 --force" in said


def test_forcing_without_hours_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["aggregator", "--force"])
    assert ended.value.code == 2
    assert "--force: say which hours" in capsys.readouterr().err


async def test_figures_that_were_gone_with_some_of_their_objects_are_said_to_be_of_the_rest(
    capsys: pytest.CaptureFixture[str],
):
    storage = FailingStorage(SystemClock())
    gone = await put_batch(storage, a_record())
    await put_batch(storage, a_record(can_id="0x2"))
    built = await Aggregator(storage).refresh(HOUR)
    assert built
    for key in (gone, built.key):
        await storage.delete(key)
    built = await Aggregator(storage).refresh(HOUR)
    assert built
    reporting.figures(log.configure(Settings(), "Aggregator"), built)
    assert "were built from what is left: hour=2025-10-19T14, inputs_missing=1" in capsys.readouterr().err


class SlowStorage(FailingStorage):
    """A store that tells when it is read, and does not answer."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.is_read = asyncio.Event()

    async def get(self, key: str) -> bytes:
        self.is_read.set()
        await asyncio.Event().wait()
        return await super().get(key)


async def test_it_stops_in_the_middle_of_an_hour():
    storage, stopping, now = SlowStorage(), asyncio.Event(), SystemClock().wall_ms()
    await storage.put(f"raw/{hour_path(hour_of(now))}/batch-1-0.jsonl", b"line\n")
    turns = Turns(
        Watch(storage), Aggregator(storage), SystemClock(), log.configure(Settings(), "Aggregator"), METRICS
    )
    taking = asyncio.create_task(turns.take(stopping))
    await storage.is_read.wait()
    stopping.set()
    await taking
    assert await storage.list("aggregated/") == []


async def test_buckets_are_folded_in_processes_of_their_own(tmp_path: Path):
    configured = Settings(data_dir=tmp_path, partition_buckets=2)
    container = Container(settings=configured)
    records = [Record(HOUR * HOUR_MS, f"veh-{number}", "0x1F0", {"x": 1.0}, 0) for number in range(8)]
    policy = PartitionPolicy(past_ms=0, future_ms=10**15, buckets=2)
    for place, some in policy.group(records).items():
        await container.storage().put(f"{place.path}/batch-1-0.jsonl", codec.encode_lines(some))
    async with opened(container.storage, container.engine):
        built = await container.aggregator().build(HOUR)
    assert built
    assert built.aggregated.unique == len(built.aggregated.vehicles) == 8
    assert len(list(tmp_path.glob("cache/*/state-*"))) == 2
