"""`telemetry replay` as a command: its options, its files, and a receiver in another process."""

import argparse
import asyncio
import gzip
import sys
from collections.abc import Iterator, Sequence

import pytest

from harness.pipeline import Pipeline
from telemetry.domain.contract.record import Record
from telemetry.entrypoints.process import cli, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.extras import MissingExtraError
from telemetry.entrypoints.roles import replay
from telemetry.entrypoints.shared import choosing
from tests.builders import NOON, records_of
from tests.entrypoints.roles.replaying import run


@pytest.mark.parametrize("text", ["2025-10-19T12:00:00Z", "2025-10-19T14:00:00.000+02:00"])
def test_a_moment_is_read_with_its_offset(text):
    assert choosing.moment(text) == NOON


@pytest.mark.parametrize("text", ["2025-10-19T12:00:00", "2025-10-19", "now", ""])
def test_a_moment_without_offset_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="with its offset"):
        choosing.moment(text)


def test_a_log_starts_at_a_moment_or_keeps_its_time_and_not_both(capsys):
    with pytest.raises(SystemExit):
        replay.main(
            ["a.log", "--dbc", "b", "--vehicle-id", "v", "--keep-time", "--start", "2025-10-19T12:00:00Z"]
        )
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["can", "cantools"])
async def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    gateway, drive, dbc, monkeypatch, missing
):
    for name in [name for name in sys.modules if name.startswith("telemetry.adapters.can")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"^{missing} is not installed: pip install -e '.*\[can\]'$"):
        await run(gateway, drive, dbc)


@pytest.fixture
def _key(monkeypatch, tmp_path):
    monkeypatch.setenv("API_KEY", "k")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # where there is no .env


@pytest.fixture
def url(_key, tmp_path) -> Iterator[str]:
    """A receiver, as a process of its own."""
    pipeline = Pipeline(tmp_path, API_KEY="k")
    pipeline.start("receiver")
    yield pipeline.url
    pipeline.stop_all()


async def queued() -> Sequence[Record]:
    container = Container(settings=settings.load())
    queue, policy = container.queue(), container.settings().partition_policy
    try:
        deliveries = await queue.receive(10, 0)
    finally:
        await queue.close()
    return records_of(deliveries, policy)


def test_the_command_posts_to_a_receiver_whose_queue_then_holds_each_record(url, drive, dbc):
    gzipped = drive.with_name("drive.2025-10-19.log.gz")
    gzipped.write_bytes(gzip.compress(drive.read_bytes()))
    arguments = ["replay", str(gzipped), "--dbc", str(dbc), "--vehicle-id", "veh-1", "--url", url]
    assert cli.main([*arguments, "--start", "2025-10-19T12:00:00Z"]) == 0
    assert [record.timestamp_ms - NOON for record in asyncio.run(queued())] == [0, 1, 2, 4]


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize(
    ("log_name", "dbc_name", "complaint"),
    [
        ("none.log", "small.dbc", "No such file or directory: 'none.log'"),
        (
            "small.dbc",
            "small.dbc",
            "small.dbc: it seems to be a DBC file, which holds definitions; give it to --dbc",
        ),
        ("drive.log", "none.dbc", "No such file or directory: 'none.dbc'"),
        ("drive.log", "drive.log", "drive.log: it is no DBC file: "),
    ],
)
@pytest.mark.usefixtures("drive", "dbc")
def test_a_file_that_cannot_be_read_is_one_line_that_names_it(log_name, dbc_name, complaint, capsys):
    assert cli.main(["replay", log_name, "--dbc", dbc_name, "--vehicle-id", "veh-1"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("telemetry replay: ")
    assert complaint in said
    assert said.count("\n") == 1
