"""`telemetry replay` of what has no end or can be read only once: a live bus, a pipe, standard input."""

import asyncio
import os
import sys
import threading
from io import BytesIO, TextIOWrapper
from pathlib import Path

import can
import pytest

from tests.builders import NOON
from tests.entrypoints.roles.replaying import FRAMES, run
from tests.fakes import FakeGateway

BUS = Path("virtual:depot")


@pytest.fixture
def stopping(gateway: FakeGateway) -> asyncio.Event:
    """What a signal to stop sets; it comes once a record was posted."""
    made = asyncio.Event()
    gateway.before_post = made.set
    return made


async def send_until(done: asyncio.Event, message: can.Message) -> None:
    with can.Bus(interface="virtual", channel="depot") as sender:
        while not done.is_set():
            sender.send(message)
            await asyncio.sleep(0.01)


async def test_a_live_bus_is_replayed_until_it_is_asked_to_stop_and_ends_in_order(
    gateway, dbc, stopping, capsys
):
    message = can.Message(arbitration_id=0x112, data=bytes.fromhex("FFFFC30DB701FFFF"), is_extended_id=False)
    sending = asyncio.create_task(send_until(stopping, message))
    assert await run(gateway, BUS, dbc, stopping) == 0
    await sending
    assert gateway.records[0].payload == {"pack_voltage_v": 352.3, "battery_soc": 43.9}
    assert abs(gateway.records[0].timestamp_ms / 1000 - message.timestamp) < 3600 * 24 * 365 * 100
    said = capsys.readouterr()
    assert "stopped after" not in said.err
    assert said.out.splitlines()[-1].startswith("replay: read=")


async def test_a_live_bus_on_which_nothing_is_said_ends_when_it_is_asked_to(gateway, dbc, capsys):
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, stopping.set)
    assert await run(gateway, Path("virtual:silence"), dbc, stopping) == 1
    assert capsys.readouterr().err == "silence: it holds no frame\n"


def feed(path: Path, done: threading.Event) -> threading.Thread:
    """Write a log to a named pipe, and keep the pipe open until `done`."""

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write("".join(f"{line}\n" for line in FRAMES).encode())
            done.wait(60)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


async def test_a_named_pipe_is_replayed_while_it_is_written_and_left_on_demand(
    gateway, tmp_path, dbc, stopping, capsys
):
    os.mkfifo(tmp_path / "pipe")
    done = threading.Event()
    writer = feed(tmp_path / "pipe", done)
    assert await run(gateway, tmp_path / "pipe", dbc, stopping) == 1
    assert f"{tmp_path / 'pipe'}: stopped after 7 frames\n" in capsys.readouterr().err
    done.set()
    writer.join()
    assert [record.timestamp_ms - NOON for record in gateway.records] == [0, 1, 2, 4]  # it starts now


async def test_standard_input_is_replayed_from_now_on(gateway, dbc, monkeypatch):
    given = BytesIO("".join(f"{line}\n" for line in FRAMES).encode())
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(given))
    assert await run(gateway, Path("-"), dbc) == 0
    assert [record.timestamp_ms - NOON for record in gateway.records] == [0, 1, 2, 4]


async def test_standard_input_that_is_no_log_says_what_it_seems_to_be(gateway, dbc, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"%PDF-1.4")))
    assert await run(gateway, Path("-"), dbc) == 1
    assert capsys.readouterr().err == "-: it cannot be read on as a log: it seems to be a PDF document\n"
