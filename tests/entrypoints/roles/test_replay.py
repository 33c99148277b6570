import argparse
import asyncio
import gzip
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from dependency_injector import providers

from telemetry.adapters.clock import ManualClock
from telemetry.domain.contract import codec, parse
from telemetry.domain.contract.record import Answer, Record
from telemetry.domain.proof.gateway import GatewayError
from telemetry.domain.transport import envelope
from telemetry.domain.vehicle.simulate import Simulation
from telemetry.entrypoints.process import cli, runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.extras import MissingExtraError
from telemetry.entrypoints.process.settings import Secret, Settings
from telemetry.entrypoints.roles import replay
from telemetry.entrypoints.roles.replay import ReplayOptions
from telemetry.entrypoints.shared import recording
from telemetry.entrypoints.shared.sending import SendOptions
from tests.builders import identity

NOW = 1_760_875_200_000

DEFINITIONS = """VERSION ""

NS_ :

BS_:

BU_:

BO_ 274 Pack: 8 X
 SG_ pack_voltage_V : 16|16@1+ (0.1,0) [0|819] "V" X
 SG_ battery_soc : 32|12@1+ (0.1,0) [0|100] "%" X

BO_ 275 Soc: 1 X
 SG_ battery_soc : 0|8@1+ (1,0) [0|0] "%" X
"""

LINES = [
    "(10.000000) can0 112#FFFFC30DB701FFFF",  # 352.3 V, 43.9 %
    "(10.000400) can0 112#FFFFC40DB701FFFF",  # a burst: the same millisecond
    "(10.001000) can0 0A5#00",
    "(10.002000) can0 112#FFFFFFFFB701FFFF",  # voltage not available
    "(10.003000) can0 112#FFFFFFFFFFFFFFFF",  # nothing available
    "(10.004000) can0 112#FFFFC30D",  # cut short: no SoC
    "(10.005000) can0 112#FF",  # too short for any
    "(10.006000) can0 112#R",
]


class Judge:
    """A receiver without a network: it takes what the contract takes, or refuses all of it."""

    def __init__(self, refusal: str = "") -> None:
        self.records: list[Record] = []
        self.closed = False
        self.stopping = asyncio.Event()
        self.stops = False
        self._refusal = refusal

    async def ready(self) -> None:
        pass

    async def post(self, lines: bytes) -> Answer:
        if self._refusal:
            raise GatewayError(self._refusal)
        if self.stops:
            self.stopping.set()
        parsed = parse.parse_lines(lines, NOW)
        self.records += parsed.records
        return Answer(len(parsed.records), parsed.rejected)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def dbc(tmp_path: Path) -> Path:
    return write(tmp_path / "small.dbc", DEFINITIONS.splitlines())


@pytest.fixture
def drive(tmp_path) -> Path:
    return write(tmp_path / "drive.log", LINES)


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


async def run(judge: Judge, path: Path, dbc: Path | None, **chosen) -> int:
    container = Container(
        settings=Settings(api_key=Secret("k"), queue_backend="memory", storage_backend="memory"),
        clock=providers.Object(ManualClock(NOW)),
        gateway=providers.Factory(lambda **_: judge),
    )
    options = ReplayOptions(**{"file": path, "vehicle_id": "veh-1", "dbc": dbc, **chosen})
    send = SendOptions(url="", connections=2, patience_s=1)
    return await replay.replay(container, options, send, judge.stopping)


async def test_each_decodable_frame_lands_from_now_on_and_each_other_is_accounted_for(
    judge, drive, dbc, capsys
):
    assert await run(judge, drive, dbc) == 0
    assert [(record.timestamp_ms - NOW, record.payload) for record in judge.records] == [
        (0, {"pack_voltage_v": 352.3, "battery_soc": 43.9}),
        (1, {"pack_voltage_v": 352.4, "battery_soc": 43.9}),
        (2, {"battery_soc": 43.9}),
        (4, {"pack_voltage_v": 352.3}),
    ]
    assert {(record.vehicle_id, record.can_id) for record in judge.records} == {("veh-1", "0x112")}
    assert judge.closed
    assert capsys.readouterr().out.splitlines() == [
        "sent 4 records, 4 accepted, 0 rejected",
        "1 frames without a definition: 0xA5: 1",
        "1 frames that could not be decoded: 0x112 (1 bytes hold none of its signals whole): 1",
        "1 frames shorter than their definition, decoded as far as they go: 0x112: 1",
        "3 values not available, left out: pack_voltage_v (0x112): 2, battery_soc (0x112): 1",
        "1 frames with no value available, not posted: 0x112: 1",
        "1 frames nudged to a free millisecond, by 1 ms at the most: 0x112: 1",
        "1 frames without data, skipped: remote: 1",
        "replay: read=7 decoded=5 posted=4 accepted=4 undefined=1 undecodable=1 blank=1 unavailable=3 nudged=1",
    ]


async def test_a_log_starts_at_another_moment_if_it_is_told_to(judge, drive, dbc, capsys):
    assert await run(judge, drive, dbc, start_ms=NOW - 3_600_000) == 0
    assert judge.records[0].timestamp_ms == NOW - 3_600_000
    assert capsys.readouterr().err == ""


async def test_a_log_that_keeps_its_time_says_that_it_lies_in_1970(judge, drive, dbc, capsys):
    assert await run(judge, drive, dbc, keep_time=True) == 0
    assert judge.records[0].timestamp_ms == 10_000
    assert capsys.readouterr().err.startswith(
        "4 records lie more than 604800 s before or 300 s after the moment"
    )


async def test_what_lies_too_far_in_the_future_is_said_to_be_skewed(judge, tmp_path, dbc, capsys):
    path = write(tmp_path / "long.log", [LINES[0], "(400.000000) can0 112#FFFFC30DB701FFFF"])
    assert await run(judge, path, dbc) == 0
    assert capsys.readouterr().err.startswith("1 records lie more than")


async def test_what_is_physically_impossible_is_rejected_and_fails_the_replay(judge, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [LINES[0], "(1.0) can0 113#C8", "(2.0) can0 113#32"])
    assert await run(judge, path, dbc) == 1
    said = capsys.readouterr()
    assert len(judge.records) == 2
    assert "posted=3 accepted=2" in said.out
    assert said.err == "rejected: payload.battery_soc: 200 is outside 0 to 100 %\n"


async def test_a_receiver_that_goes_away_fails_the_replay(drive, dbc, capsys):
    assert await run(Judge("gone"), drive, dbc) == 1
    said = capsys.readouterr()
    assert "posted=4 accepted=0" in said.out
    assert said.err == "not sent: gone\n"


async def test_a_damaged_log_lands_as_far_as_it_goes_and_fails_the_replay(judge, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", [*LINES[:1], "damaged", *LINES])
    assert await run(judge, path, dbc) == 1
    assert len(judge.records) == 1
    assert capsys.readouterr().err.startswith(f"{path}: it cannot be read on as candump -L: ")


@pytest.mark.parametrize("lines", [[], ["(1.0) can0 0A5#00"]])
async def test_a_log_of_which_nothing_could_be_posted_fails_the_replay(judge, tmp_path, dbc, capsys, lines):
    assert await run(judge, write(tmp_path / "drive.log", lines), dbc) == 1
    complaint = f"none of {len(lines)} frames could be posted; is the DBC that of this bus?\n"
    assert capsys.readouterr().err.endswith(complaint)


async def test_a_replay_that_is_told_to_stop_says_how_far_it_came(judge, tmp_path, dbc, capsys):
    path = write(tmp_path / "drive.log", LINES[:1] * 10_000)
    judge.stops = True
    assert await run(judge, path, dbc) == 1
    assert 0 < len(judge.records) < 10_000
    assert capsys.readouterr().err == f"{path}: stopped after {len(judge.records)} frames\n"


@pytest.mark.parametrize("missing", ["can", "cantools"])
async def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    judge, drive, dbc, monkeypatch, missing
):
    monkeypatch.delitem(sys.modules, "telemetry.adapters.can.dbc", raising=False)
    monkeypatch.delitem(sys.modules, "telemetry.adapters.can.log", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        MissingExtraError, match=rf"^{missing} is not installed: pip install 'telemetry\[can\]'$"
    ):
        await run(judge, drive, dbc)


async def test_the_real_log_lands_whole(judge, real_data, capsys):
    path, dbc = real_data / "i3_can_logs" / "2019_ionity_enda.log.gz", real_data / "i3_sme_facts.dbc"
    assert await run(judge, path, dbc) == 0
    assert len({identity(record) for record in judge.records}) == 6074
    said = capsys.readouterr()
    assert "66 values not available, left out: charge_time_left_min (0x431): 66\n" in said.out
    assert said.out.splitlines()[-1] == (
        "replay: read=50924 decoded=6074 posted=6074 accepted=6074 "
        "undefined=44850 undecodable=0 blank=0 unavailable=66 nudged=0"
    )
    assert said.err == ""


async def test_without_definitions_those_of_the_package_are_taken(judge, drive):
    assert await run(judge, drive, None) == 0
    payload = judge.records[0].payload
    assert payload == {"battery_voltage": 352.3, "battery_soc": 43.9}


@pytest.fixture
def pausing(monkeypatch) -> Sequence[float]:
    """The pauses that were asked for, none of which was made."""
    asked: list[float] = []

    async def pause(_: asyncio.Event, seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(runtime, "pause", pause)
    return asked


async def test_a_log_is_played_at_the_speed_that_is_asked_for(judge, drive, dbc, pausing):
    write(drive, [LINES[0], LINES[2], "(11.0) can0 112#FFFFC30DB701FFFF"])
    assert await run(judge, drive, dbc, speed=2) == 0
    assert pausing == pytest.approx([0.0005, 0.5])
    assert [record.timestamp_ms - NOW for record in judge.records] == [0, 1000]


async def test_a_log_is_played_as_fast_as_possible_unless_told_otherwise(judge, drive, dbc, pausing):
    await run(judge, drive, dbc)
    assert set(pausing) == {0}


async def test_a_frame_that_is_not_due_before_the_end_is_not_sent(judge, tmp_path, dbc):
    path = write(tmp_path / "drive.log", [LINES[0], "(1000000.0) can0 112#FFFFC30DB701FFFF"])
    judge.stops = True
    assert await run(judge, path, dbc, speed=1) == 1
    assert len(judge.records) == 1


@pytest.mark.parametrize("text", ["0", "-1", "nan"])
def test_a_speed_that_is_none_is_refused(text):
    assert replay.speed("2.5") == 2.5
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        replay.speed(text)


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf"])
async def test_what_a_simulated_vehicle_writes_is_replayed_to_the_same_signals(
    judge, tmp_path, capsys, suffix
):
    path = tmp_path / f"can{suffix}"
    container = Container(settings=Settings(), clock=providers.Object(ManualClock(NOW)))
    await recording.record(container, Simulation(1, seed=7), path, 2.0, asyncio.Event())
    assert await run(judge, path, None) == 0
    replayed: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for record in judge.records:
        replayed[record.timestamp_ms] |= record.payload
    quantum = dict.fromkeys(["battery_soc", "battery_voltage", "battery_current"], 0.1)
    quantum |= dict.fromkeys(["cell_voltage_min", "cell_voltage_max"], 0.001)
    simulated = Simulation(1, seed=7)
    for step in range(10):
        (made,) = simulated.sample(NOW + 200 * step)
        got = replayed.pop(made.timestamp_ms)
        if step % 5 == 0:  # the temperatures come each second
            quantum |= dict.fromkeys(["cell_temp_min", "cell_temp_max"], 1.0)
        for name, within in quantum.items():
            assert got[name] == pytest.approx(made.payload[name], abs=within / 2 + 1e-9)
        quantum = {name: within for name, within in quantum.items() if "temp" not in name}
        assert got["display_soc"] == pytest.approx(1.277 * made.payload["battery_soc"] - 8.8, abs=0.25 + 1e-9)
    assert not replayed
    assert " undefined=0 undecodable=0 " in capsys.readouterr().out


async def test_bursts_of_a_real_log_land_frame_by_frame(judge, real_data, capsys):
    path = real_data / "i3_can_logs" / "2014i3_AC_start_PT_CAN.log.gz"
    assert await run(judge, path, real_data / "i3_sme_facts.dbc") == 0
    assert len({identity(record) for record in judge.records}) == 8237
    assert " nudged=79" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["2025-10-19T12:00:00Z", "2025-10-19T14:00:00.000+02:00"])
def test_a_moment_is_read_with_its_offset(text):
    assert replay.moment(text) == NOW


@pytest.mark.parametrize("text", ["2025-10-19T12:00:00", "2025-10-19", "now", ""])
def test_a_moment_without_offset_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="with its offset"):
        replay.moment(text)


@pytest.fixture
def _key(monkeypatch, tmp_path):
    monkeypatch.setenv("API_KEY", "k")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # where there is no .env


@pytest.fixture
def url(_key) -> Iterator[str]:
    """A receiver, as a process of its own."""
    port = runtime.free_port()
    command = [sys.executable, "-m", "telemetry", "receiver", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        yield f"http://127.0.0.1:{port}"
        running.terminate()


def test_the_command_posts_to_a_receiver_whose_queue_then_holds_each_record(url, drive, dbc):
    squeezed = drive.with_name("drive.2025-10-19.log.gz")
    squeezed.write_bytes(gzip.compress(drive.read_bytes()))
    arguments = ["replay", str(squeezed), "--dbc", str(dbc), "--vehicle-id", "veh-1", "--url", url]
    assert cli.main([*arguments, "--start", "2025-10-19T12:00:00Z"]) == 0
    assert [record.timestamp_ms - NOW for record in asyncio.run(queued())] == [0, 1, 2, 4]


async def queued() -> Sequence[Record]:
    container = Container(settings=settings.load())
    queue, policy = container.queue(), container.settings().partition_policy
    try:
        deliveries = await queue.receive(10, 0)
    finally:
        await queue.close()
    parcels = [envelope.decode(each.body, each.sent_ms, policy) for each in deliveries]
    return [codec.decode_line(line) for parcel in parcels for line in parcel.lines.splitlines()]


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize(
    ("log_name", "dbc_name", "complaint"),
    [
        ("none.log", "small.dbc", "No such file or directory: 'none.log'"),
        (
            "small.dbc",
            "small.dbc",
            "small.dbc: its suffix does not tell what it is; name it .log (candump -L)",
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


def test_a_log_starts_at_a_moment_or_keeps_its_time_and_not_both(capsys):
    with pytest.raises(SystemExit):
        replay.main(
            ["a.log", "--dbc", "b", "--vehicle-id", "v", "--keep-time", "--start", "2025-10-19T12:00:00Z"]
        )
    assert "not allowed with argument" in capsys.readouterr().err
