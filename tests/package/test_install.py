"""The wheel, installed where nothing else is, does what its extras are for, and says which one is missing."""

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from harness.roles import wait_until
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract.moment import hour_path
from telemetry.entrypoints.process.runtime import free_port
from tests.builders import HOUR
from tests.lake import put_complete
from tests.package.building import ROOT, Clean, Distributions, interpreter

pytestmark = pytest.mark.long

PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION: Final = f"telemetry {PROJECT['version']}\n"
EACH_HELP: Final = """
from contextlib import suppress
from telemetry.entrypoints.process import cli
for role in cli.ROLES:
    with suppress(SystemExit):
        cli.main([role, "--help"])
        raise AssertionError(role)
"""


PYTHONS: Final = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if " :: 3." in each]


@pytest.fixture(scope="module")
def bare(built: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """No extra is installed."""
    return Clean(tmp_path_factory.mktemp("environments") / "bare", built.wheel)


@pytest.fixture(scope="module", params=PYTHONS)
def each_python(
    built: Distributions, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Clean:
    """No extra is installed; the interpreter is each of those that the package is for, and that are here."""
    if not (python := interpreter(request.param)):
        pytest.skip(f"Python {request.param} is not installed here")
    return Clean(tmp_path_factory.mktemp("pythons") / request.param, built.wheel, python=python)


@pytest.fixture
def hour(tmp_path: Path) -> Path:
    """A folder with a data directory, in which is a complete hour of six records."""
    asyncio.run(put_complete(LocalStorage(tmp_path / "data")))
    return tmp_path


def test_the_demo_runs_from_an_empty_folder_and_loses_nothing(each_python: Clean, tmp_path: Path):
    done = each_python.run(tmp_path, "demo", "--vehicles", "2", "--duration", "2")
    assert done.returncode == 0, done.stderr
    proof = done.stdout.splitlines()[-1]
    assert proof.startswith("proof: sent=20 accepted=20 stored=20 unique=20 duplicates=0 pending=0 lost=0 ")
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_without_an_extra_each_command_has_its_help_and_both_ways_to_start_say_the_version(
    each_python: Clean, tmp_path: Path
):
    python = str(each_python.python)
    for command in ([each_python.command], [python, "-m", "telemetry"]):
        assert each_python.call([*command, "--version"], tmp_path).stdout == VERSION
    done = each_python.call([python, "-W", "error", "-c", EACH_HELP], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: telemetry ") > 20


MISSING: Final[Mapping[str, tuple[list[str], dict[str, str]]]] = {
    "can": (["replay", "drive.log", "--dry-run"], {}),
    "dask": (["aggregator", "--hour", "2025-10-19T14"], {"ENGINE": "dask", "DASK_SCHEDULER": "tcp://x:1"}),
    "iceberg": (["compact", "--register", "iceberg"], {}),
    "lake": (["compact"], {}),
    "otel": (["consumer"], {"TRACES": "otlp"}),
    "plot": (["simulator", "--plot", "drive.png"], {}),
    "sql": (["query", "SELECT 1"], {}),
}
"""What each extra is needed for; `mf4` comes on top of `can`, and no command needs `testing`."""


def test_the_pythons_are_those_from_the_oldest_that_is_allowed():
    assert PYTHONS == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_each_extra_is_tried():
    assert {*MISSING, "mf4", "testing"} == set(PROJECT["optional-dependencies"]) == USES.keys()


@pytest.mark.parametrize("extra", MISSING)
def test_a_command_without_its_extra_says_in_its_last_line_what_to_install(
    bare: Clean, hour: Path, extra: str
):
    arguments, settings = MISSING[extra]
    done = bare.run(hour, *arguments, settings={"DATA_DIR": str(hour / "data"), **settings})
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"telemetry {arguments[0]}: ")
    assert said.endswith(f" is not installed: pip install '{PROJECT['name']}[{extra}]'")
    assert "Traceback" not in done.stderr


def reads_logs(clean: Clean, folder: Path, name: str = "drive.log") -> None:
    drive(clean, folder, name)
    done = clean.run(folder, "replay", name, "--dry-run")
    assert "replay: read=62 decoded=62 " in done.stdout, done.stderr


def drive(clean: Clean, folder: Path, name: str) -> None:
    done = clean.run(folder, "simulator", "--vehicles", "1", "--duration", "2", "--output", name)
    assert (folder / name).stat().st_size > 0, done.stderr


def reads_mdf(clean: Clean, folder: Path) -> None:
    reads_logs(clean, folder, "drive.mf4")


def folds_elsewhere(clean: Clean, folder: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"]
    with (
        dask(clean, folder, *scheduler),
        dask(clean, folder, "worker", address, "--no-dashboard", "--no-nanny"),
    ):
        settings = {"ENGINE": "dask", "DASK_SCHEDULER": address, "DATA_DIR": str(folder / "data")}
        done = clean.run(folder, "aggregator", "--hour", "2025-10-19T14", "--force", settings=settings)
    assert done.returncode == 0, done.stderr
    (figures,) = (folder / "data" / "aggregated" / hour_path(HOUR)).glob("aggregated-*.json")
    assert b'"unique":6,' in figures.read_bytes()


@contextmanager
def dask(clean: Clean, folder: Path, *arguments: str) -> Iterator[None]:
    with (folder / f"{arguments[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [clean.python, "-m", "dask", *arguments], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


def registers(clean: Clean, folder: Path) -> None:
    compacts(clean, folder, "--register", "iceberg")
    assert list((folder / "data").rglob("*.metadata.json"))


def compacts(clean: Clean, folder: Path, *options: str) -> None:
    done = clean.run(folder, "compact", *options)
    assert "records=6, unique=6" in done.stderr
    assert done.returncode == 0, done.stderr
    assert list((folder / "data" / "compacted" / hour_path(HOUR)).glob("*.parquet"))


def sends_spans(clean: Clean, folder: Path) -> None:
    with collector() as (address, asked):
        settings = {"TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": address}
        done = clean.run(folder, "demo", "--vehicles", "1", "--duration", "1", settings=settings)
        assert done.returncode == 0, done.stderr
        wait_until(lambda: "/v1/traces" in asked, "the roles to send what they traced")


@contextmanager
def collector() -> Iterator[tuple[str, list[str]]]:
    """Take spans as a collector of OpenTelemetry does; yield its address, and the paths that were asked."""
    asked: list[str] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def draws(clean: Clean, folder: Path) -> None:
    done = clean.run(folder, "simulator", "--vehicles", "1", "--duration", "5", "--plot", "drive.png")
    assert done.returncode == 0, done.stderr
    assert (folder / "drive.png").read_bytes().startswith(b"\x89PNG")


def answers(clean: Clean, folder: Path) -> None:
    done = clean.run(folder, "query", "SELECT count(*) AS n FROM records", "--format", "json")
    assert done.stdout == '{"n":6}\n', done.stderr


THEIRS: Final = """
import pytest
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.queue.memory import MemoryQueue
from telemetry.domain.transport.lease import LeaseTerms
from telemetry.testing.queue import ExactQueueContract, Trial

class TestTheirs(ExactQueueContract):
    @pytest.fixture
    async def trial(self):
        clock, terms = ManualClock(1_760_884_200_000), LeaseTerms(visibility_ms=30_000, max_receives=3)
        yield Trial.by_hand(MemoryQueue(clock, terms), clock, terms)
"""


def adapter_is_tested(clean: Clean, folder: Path) -> None:
    (folder / "test_theirs.py").write_text(THEIRS)
    done = clean.call([str(clean.python), "-m", "pytest", "-q", "-o", "anyio_mode=auto"], folder)
    assert done.returncode == 0, done.stdout
    assert " passed in " in done.stdout.splitlines()[-1]


USES: Final[Mapping[str, Callable[[Clean, Path], None]]] = {
    "can": reads_logs,
    "dask": folds_elsewhere,
    "iceberg": registers,
    "lake": compacts,
    "mf4": reads_mdf,
    "otel": sends_spans,
    "plot": draws,
    "sql": answers,
    "testing": adapter_is_tested,
}


@pytest.mark.parametrize("extra", USES)
def test_an_extra_brings_all_that_it_is_for(built: Distributions, hour: Path, tmp_path: Path, extra: str):
    USES[extra](Clean(tmp_path / "environment", built.wheel, extra), hour)


def test_without_mf4_a_log_that_needs_it_is_named_with_what_to_install(built: Distributions, tmp_path: Path):
    can = Clean(tmp_path / "environment", built.wheel, "can")
    ours = [sys.executable, "-m", "telemetry"]
    can.call([*ours, "simulator", "--vehicles", "1", "--duration", "2", "--output", "drive.mf4"], tmp_path)
    done = can.run(tmp_path, "replay", "drive.mf4", "--dry-run")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        f"asammdf is not installed: pip install '{PROJECT['name']}[mf4]'"
    )
