"""`telemetry demo`: all roles as processes on this machine, a fleet that drives, and the proof that nothing was lost."""

import argparse
import asyncio
import ctypes
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from telemetry.domain.figures.aggregate import Aggregated
from telemetry.domain.figures.rollup import SignalFigures
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.store.latency import Percentiles, Stages
from telemetry.domain.vehicle.simulate import Simulate
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.settings import Secret, Settings
from telemetry.entrypoints.roles import simulator
from telemetry.entrypoints.shared import proving, sending

_SETTLE: Final = 15.0  # seconds for the last batch to be stored and for its hour to be aggregated
_END: Final = 10.0  # seconds in which a role has to stop before it is killed
_DIES_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG of Linux's prctl(2)


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry demo", description=__doc__)
    parser.add_argument("--vehicles", type=int, default=10, help="how many vehicles (default: %(default)s)")
    parser.add_argument(
        "--duration", type=float, default=42, help="seconds of driving (default: %(default)s)"
    )
    parser.add_argument(
        "--as-configured", action="store_true", help="with the queue and the store that the settings choose"
    )
    chosen = parser.parse_args(arguments)
    # The demo is the embedded pipeline, whatever else is set, with a key that nobody has to know.
    configured = msgspec.structs.replace(
        settings.load(), api_key=Secret(secrets.token_urlsafe(24)), aggregate_interval=1.0
    )
    if not chosen.as_configured:
        configured = msgspec.structs.replace(configured, queue_backend="sqlite", storage_backend="local")
    log.configure(configured, "Demo")
    return runtime.run(lambda stopping: demonstrate(configured, chosen, stopping))


async def demonstrate(configured: Settings, chosen: argparse.Namespace, stopping: asyncio.Event) -> int:
    """Run the pipeline for a while and show what it made; the exit status tells whether anything was lost."""
    container = Container(settings=configured)
    since = container.clock().wall()
    port = runtime.free_port()
    to_receiver = argparse.Namespace(
        url=f"http://127.0.0.1:{port}", connections=8, patience=30.0, ledger=None
    )
    logs = configured.data_dir / "log"
    screen.say(f"receiver, consumer and aggregator start on port {port}; their logs are in {logs}/")
    logs.mkdir(parents=True, exist_ok=True)
    async with _roles(configured, port, logs):
        async with sending.sender(container, to_receiver) as sender:
            screen.say(f"{chosen.vehicles} vehicles drive for {chosen.duration:g} s and report every 200 ms")
            simulated = Simulate(chosen.vehicles, seed=1)
            await simulator.drive(simulated, sender, container.clock(), chosen.duration, stopping)
        status = sending.conclude(sender)
        proof = await proving.prove(container, sender.manifest, since, _SETTLE)
        figures = await _aggregated(container, sender.manifest)
    await container.queue().close()
    screen.files(configured.data_dir, ("raw", "skewed", "quarantine", "aggregated"))
    _show_figures(figures)
    _show_stages(logs / "consumer.log")
    screen.proof(proof)
    return status or int(proof.lost > 0) or int(stopping.is_set())


@asynccontextmanager
async def _roles(configured: Settings, port: int, logs: Path) -> AsyncIterator[None]:
    """Run receiver, consumer and aggregator, and end them whatever happens."""
    environment = {
        **os.environ,
        "API_KEY": str(configured.api_key),
        "QUEUE_BACKEND": configured.queue_backend,
        "STORAGE_BACKEND": configured.storage_backend,
        "AGGREGATE_INTERVAL": str(configured.aggregate_interval),
        "LOG_FORMAT": "json",
    }
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for role, *options in (["consumer"], ["aggregator"], ["receiver", "--port", str(port)]):
            with (logs / f"{role}.log").open("wb") as output:
                running[role] = _start([role, *options], environment, output)
        yield
    finally:
        for role, role_process in running.items():
            if (status := role_process.poll()) is not None:
                screen.complain(f"the {role} ended too early, with status {status}; see {logs / role}.log")
            role_process.terminate()
        for role_process in running.values():
            await asyncio.to_thread(_wait_or_kill, role_process)


def _start(role: Sequence[str], environment: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # this program itself
        [sys.executable, "-m", "telemetry", *role],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the demo, which ends its roles in their order
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  # no thread runs yet
    )


def _die_with_parent() -> None:
    """Ask Linux to end this process if the demo is killed and cannot do it any more."""
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)


def _wait_or_kill(role_process: subprocess.Popen[bytes]) -> None:
    try:
        role_process.wait(_END)
    except subprocess.TimeoutExpired:
        role_process.kill()
        role_process.wait()


async def _aggregated(container: Container, manifest: Manifest) -> Sequence[Aggregated]:
    """Wait until the aggregator has built the hours of what was sent, and read them."""
    aggregate = container.aggregate()
    deadline = container.clock().monotonic() + _SETTLE
    for hour in manifest.hours():
        while await aggregate.is_stale(hour) and container.clock().monotonic() < deadline:
            await asyncio.sleep(0.1)
            aggregate = container.aggregate()  # which has not seen the figures yet
    found = [await aggregate.figures(hour) for hour in manifest.hours()]
    return [figures for figures in found if figures]


def _show_figures(hours: Sequence[Aggregated]) -> None:
    rows = [
        (vehicle_id, hour.hour[:13], of_vehicle.count, *_extent(of_vehicle.signals))
        for hour in hours
        for vehicle_id, of_vehicle in hour.vehicles.items()
    ]
    screen.table(
        "Records by hour and vehicle", ("vehicle", "hour (UTC)", "records", "SoC %", "V (avg)"), rows
    )


def _extent(signals: Mapping[str, SignalFigures]) -> tuple[str, str]:
    soc, voltage = signals["battery_soc"], signals["battery_voltage"]
    return f"{soc.min:.1f} - {soc.max:.1f}", f"{voltage.avg:.1f}"


def _show_stages(consumer_log: Path) -> None:
    """Print, of each stage, the worst figures that any batch had."""
    batches = [
        msgspec.convert(line["latency"], Stages)
        for text in consumer_log.read_bytes().splitlines()
        if text.startswith(b"{") and "latency" in (line := msgspec.json.decode(text))
    ]
    if batches:
        stages = [
            (name, _worst([getattr(batch, name) for batch in batches])) for name in Stages.__struct_fields__
        ]
        screen.latencies(f"Latency by stage, each figure of the worst of {len(batches)} batches", stages)


def _worst(batches: Sequence[Percentiles]) -> Percentiles:
    return Percentiles(
        p50=max(each.p50 for each in batches),
        p95=max(each.p95 for each in batches),
        p99=max(each.p99 for each in batches),
        min=min(each.min for each in batches),
        max=max(each.max for each in batches),
        size=sum(each.size for each in batches),
    )
