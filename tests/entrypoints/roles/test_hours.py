"""`telemetry hours` lists hours, shows one, and waits for one."""

import asyncio
import json
from pathlib import Path

import pytest

from telemetry.domain.contract.moment import HOUR_MS
from telemetry.domain.store import objects
from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Settings
from tests.builders import HOUR, NOW, a_record, an_envelope, put_batch, some_records

H = "2025-10-19T14"


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """A data directory with an hour in which one vehicle has a gap, and one is absent, and an empty queue."""
    monkeypatch.chdir(tmp_path)
    made = Container(settings=Settings(data_dir=tmp_path / "data"))

    async def prepare() -> None:
        before = NOW - HOUR_MS
        storage = made.storage()
        await put_batch(storage, a_record(vehicle_id="gone", timestamp_ms=before, received_ms=before))
        await put_batch(storage, *some_records(100), *some_records(100, NOW + 60_000))
        await made.queue().close()

    asyncio.run(prepare())
    return made


def build() -> None:
    assert cli.main(["aggregator", "--from", "2025-10-19T13", "--to", H]) == 0


def send(container: Container) -> None:
    async def send_one() -> None:
        queue = Container(settings=container.settings()).queue()
        await queue.send([an_envelope(a_record())])
        await queue.close()

    asyncio.run(send_one())


@pytest.mark.usefixtures("container")
def test_hours_are_listed_one_a_line(capsys):
    build()
    assert cli.main(["hours", "--from", "2025-10-19T00", "--to", "2025-10-19T23"]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if H in line)
    assert "complete" in row
    assert "200" in row


@pytest.mark.usefixtures("container")
def test_hours_are_listed_as_json_too(capsys):
    build()
    assert cli.main(["hours", "--from", "2025-10-19T00", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["hour"][:13] for line in lines] == ["2025-10-19T13", H]
    assert (lines[1]["state"], lines[1]["unique"], lines[1]["gaps"], lines[1]["absent"]) == (
        "complete",
        200,
        2,
        1,
    )


@pytest.mark.usefixtures("container")
def test_of_hours_without_figures_it_says_so(capsys):
    assert cli.main(["hours", "--to", "2025-10-19T23"]) == 0
    assert "no hour from 2025-10-19T00 to 2025-10-19T23 has certified figures" in capsys.readouterr().err
    assert cli.main(["hours"]) == 0
    assert cli.main(["hours", "show", H]) == 1
    assert f"{H}: it has no certified figures" in capsys.readouterr().err


def test_an_hour_is_shown_with_its_history_its_gaps_and_who_is_absent(container, capsys):
    send(container)
    build()
    assert cli.main(["hours", "show", H]) == 0
    out = capsys.readouterr().out
    for said in (f"{H} is waiting since", "1 message in the queue", "History", "veh-00123 0x1F0", "gone"):
        assert said in out


@pytest.mark.usefixtures("container")
def test_an_hour_that_lacks_nothing_shows_no_table_of_it(capsys):
    build()
    assert cli.main(["hours", "show", "2025-10-19T13"]) == 0
    out = capsys.readouterr().out
    assert "Gaps" not in out
    assert "Absent" not in out


def test_an_hour_is_shown_as_json(container, capsys):
    build()
    assert cli.main(["hours", "show", H, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["basis"], list(shown["with_gaps"]), list(shown["absent"])) == (
        "hours",
        ["veh-00123"],
        ["gone"],
    )
    assert (container.settings().data_dir / objects.complete_key(HOUR)).exists()


@pytest.mark.usefixtures("container")
def test_waiting_for_an_hour_that_is_complete_ends_at_once(capsys):
    build()
    assert cli.main(["hours", "--wait", H]) == 0
    assert f"{H}: it is complete since" in capsys.readouterr().out


@pytest.mark.usefixtures("container")
def test_an_hour_in_which_too_much_is_missing_is_not_waited_for(capsys):
    build()
    assert cli.main(["hours", "--wait", H, "--require", "gaps<1%"]) == 1
    assert "of the expected records are missing, with 1 vehicles absent" in capsys.readouterr().err


@pytest.mark.usefixtures("container")
def test_an_hour_that_is_open_for_longer_than_the_timeout_is_not_waited_for(capsys):
    assert cli.main(["hours", "--wait", "9999-12-31T23", "--timeout", "3600"]) == 1
    said = capsys.readouterr().err
    assert said == "9999-12-31T23: there are no figures of it; it is still open when --timeout ends\n"


def test_waiting_in_vain_ends_with_what_the_hour_waits_for_and_who_is_away(container, capsys):
    assert cli.main(["hours", "--wait", H, "--timeout", "0"]) == 1
    err = capsys.readouterr().err
    assert f"{H}: there are no figures of it; does an aggregator run? none was seen here" in err
    send(container)
    assert cli.main(["hours", "--wait", H, "--timeout", "0"]) == 1
    assert "now it may not be whole: 1 message in the queue" in capsys.readouterr().err


@pytest.mark.usefixtures("container")
def test_a_store_that_is_out_of_reach_is_waited_for_too(capsys, monkeypatch):
    monkeypatch.setenv("STORAGE_BACKEND", "s3")
    monkeypatch.setenv("S3_BUCKET", "nowhere")
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert cli.main(["hours", "--wait", H, "--timeout", "0"]) == 1
    assert f"{H}: AWS_ENDPOINT_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--wait", H, "--require", "whole"], "--require"),
        (["--wait", "yesterday"], "--wait"),
        (["--wait", H, "--timeout", "-1"], "--timeout"),
        (["--wait", H, "--from", H], "--wait"),
        (["--from", H, "--to", "2025-10-19T13"], "--to"),
        (["show"], "H"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments, named, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["hours", *arguments])
    assert ended.value.code == 2
    assert named in capsys.readouterr().err
