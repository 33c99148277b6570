"""`telemetry compact` makes few large objects of complete hours; `telemetry expire` removes old records."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_path
from telemetry.domain.lake import census
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.entrypoints.process import cli, extras
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.heartbeat import Heartbeat
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.log import configure
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import compact
from telemetry.entrypoints.roles.compact import CompactOptions, Turn, Turns
from telemetry.entrypoints.shared import registering
from tests.builders import HOUR, NOW
from tests.lake import certify, put_complete, read_hour

HOUR_TEXT = "2025-10-19T14"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a complete hour of two objects."""
    monkeypatch.chdir(tmp_path)
    asyncio.run(put_complete(LocalStorage(tmp_path / "data")))
    return tmp_path / "data"


def files(data: Path, tree: str) -> list[str]:
    return sorted(each.name for each in (data / tree / hour_path(HOUR)).glob("*"))


def test_an_hour_is_compacted_and_raw_stays_until_its_retention_is_over(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["compact"]) == 0
    said = capsys.readouterr().err
    assert "Hour compacted: hour=2025-10-19T14, revision=1, taken=2, objects=1, records=6, unique=6" in said
    manifest, sums, records = files(data, "compacted")
    assert (manifest, sums[:13], records.rpartition(".")[2]) == (
        "_manifest-000001.json",
        "_sums-000001-",
        "parquet",
    )
    assert len(files(data, "raw")) == 2
    assert cli.main(["compact", "--from", HOUR_TEXT]) == 0
    assert "nothing to compact" in capsys.readouterr().err
    assert len(asyncio.run(read_hour(LocalStorage(data)))) == 6


@pytest.mark.parametrize("span", [["--hour", "2025-10-19T13"], ["--to", "2025-10-19T13"]])
def test_hours_beyond_the_span_are_left(data: Path, span: list[str]):
    assert cli.main(["compact", *span]) == 0
    assert not (data / "compacted").exists()


def test_without_the_extra_it_says_what_to_install_and_lines_need_none(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def missing(extra: str):
        raise extras.MissingExtraError(f"pyarrow is not installed: {extras.install(extra)}")

    monkeypatch.setattr("telemetry.entrypoints.process.forms._parquet", lambda: missing("lake"))
    assert cli.main(["compact"]) == 1
    assert "pip install" in capsys.readouterr().err
    monkeypatch.setenv("COMPACT_FORMAT", "jsonl.zst")
    assert cli.main(["compact"]) == 0
    assert files(data, "compacted")[-1].endswith(".jsonl.zst")


def test_an_hour_that_cannot_be_compacted_is_named_and_costs_no_other(
    data: Path, capsys: pytest.CaptureFixture[str]
):
    broken = data / "compacted" / hour_path(HOUR)
    broken.mkdir(parents=True)
    (broken / "_manifest-000001.json").write_text("torn")
    assert cli.main(["compact"]) == 1
    assert "An hour could not be compacted: hour=2025-10-19T14" in capsys.readouterr().err


def test_a_damaged_object_is_named_and_left(data: Path, capsys: pytest.CaptureFixture[str]):
    asyncio.run(_tear(data))
    assert cli.main(["compact"]) == 0
    assert "An object is left as it is: hour=2025-10-19T14" in capsys.readouterr().err


async def _tear(data: Path) -> None:
    """Put a damaged object into an hour whose figures know it."""
    (data / "raw" / hour_path(HOUR) / "torn.jsonl").write_text("torn\n")
    await certify(LocalStorage(data))


async def _compact_two_hours(data: Path, processes: int | None) -> dict[str, bytes]:
    """Compact two hours, one of which has a damaged object; return all that was made, by its path."""
    for before in range(2):
        await put_complete(LocalStorage(data), Hour(HOUR - before))
    await _tear(data)
    container = Container(settings=Settings(data_dir=data, aggregate_processes=processes))
    container.clock.override(ManualClock(NOW + 3 * HOUR_MS))
    async with opened(container.storage, container.engine):
        turns = Turns(container, configure(container.settings(), "Compactor"), CompactOptions())
        assert await turns.take(census.RAW, asyncio.Event()) == Turn(compacted=2)
        assert await turns.take(census.RAW, asyncio.Event()) == Turn()
    made = data / "compacted"
    return {str(each.relative_to(made)): each.read_bytes() for each in made.rglob("*") if each.is_file()}


async def test_processes_make_the_same_bytes_under_the_same_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    expected = await _compact_two_hours(tmp_path / "here", None)
    assert sum("_manifest-000001" in each for each in expected) == 2
    capsys.readouterr()
    assert await _compact_two_hours(tmp_path / "processes", 2) == expected
    assert capsys.readouterr().err.count("An object is left as it is") == 1  # and is not read again


class _Turns(Turns):
    """Stops after the second turn."""

    def __init__(self, container: Container, stopping: asyncio.Event) -> None:
        logger = configure(container.settings(), "Compactor")
        super().__init__(container, logger, CompactOptions(keep_raw=True))
        self.stopping = stopping
        self.trees: list[tuple[str, ...]] = []

    async def take(self, trees: Sequence[str], stopping: asyncio.Event) -> Turn:
        self.trees.append(tuple(trees))
        if len(self.trees) == 2:
            self.stopping.set()
        return await super().take(trees, stopping)


async def test_it_goes_on_until_it_is_stopped(data: Path):
    configured = Settings(data_dir=data, compact_interval=0.001)
    container, stopping = Container(settings=configured), asyncio.Event()
    turns = _Turns(container, stopping)
    with Heartbeat(data, "compact") as heartbeat:
        assert await compact.watch(turns, heartbeat, container, stopping) == 0
    assert turns.trees == [census.RECORDS, census.RAW]
    assert len(files(data, "raw")) == 2


async def test_a_store_that_is_away_fails_the_turn_and_no_more(data: Path, monkeypatch: pytest.MonkeyPatch):
    container = Container(settings=Settings(data_dir=data))
    turns = _Turns(container, asyncio.Event())

    async def away(prefix: str) -> None:
        raise StoreUnavailableError(prefix)

    monkeypatch.setattr(container.storage(), "folders", away)
    assert (await turns.take(census.RAW, asyncio.Event())).failed == 1


async def test_what_is_removed_is_logged(data: Path, capsys: pytest.CaptureFixture[str]):
    container = Container(settings=Settings(data_dir=data, compact_raw_retention=1))
    clock = ManualClock(time.time_ns() // 1_000_000)
    container.clock.override(clock)
    turns = Turns(container, configure(container.settings(), "Compactor"), CompactOptions())
    assert (await turns.take(census.RAW, asyncio.Event())).compacted == 1
    clock.advance(2 * 3600)
    await turns.take(census.RAW, asyncio.Event())
    assert "Objects removed: hour=2025-10-19T14, raw=2" in capsys.readouterr().err
    assert files(data, "raw") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--hour", HOUR_TEXT, "--to", HOUR_TEXT],
        ["--from", HOUR_TEXT, "--to", "2025-10-19T13"],
        ["--hour", "x"],
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["compact", *arguments])
    assert ended.value.code == 2
    assert "--" in capsys.readouterr().err


def test_records_expire_only_if_it_is_said_when(data: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["expire"]) == 1
    assert "EXPIRE_AFTER_DAYS" in capsys.readouterr().err
    assert cli.main(["expire", "--days", "10", "--dry-run"]) == 0
    assert HOUR_TEXT in capsys.readouterr().out
    assert len(files(data, "raw")) == 2
    assert cli.main(["compact"]) == 0
    assert cli.main(["expire", "--days", "10"]) == 0
    assert files(data, "raw") == files(data, "compacted") == []
    assert len(files(data, "aggregated")) == len(("the figures", "what they were built from"))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_compacted_objects_are_registered_once(data: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["compact", "--register", "iceberg"]) == 0
    assert "Objects registered: hour=2025-10-19T14, objects=1" in capsys.readouterr().err
    assert (data / "iceberg" / "catalogue.db").exists()
    assert cli.main(["compact", "--register", "iceberg"]) == 0
    assert "Objects registered" not in capsys.readouterr().err


def test_a_table_takes_parquet_of_a_store_that_others_can_read(data: Path):
    for given in ({"compact_format": "jsonl.zst"}, {"storage_backend": "memory"}):
        with pytest.raises(SettingsError):
            registering.make(Settings(data_dir=data, **given))  # type: ignore[arg-type]
    far = Settings(data_dir=data, storage_backend="s3", s3_bucket="b", s3_prefix="fleet/")
    assert registering.root(far) == "s3://b/fleet"
