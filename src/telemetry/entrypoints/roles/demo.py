"""`telemetry demo`: all roles on this machine, a fleet that drives, and the proof that nothing was lost."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from telemetry.domain.figures.hour import Aggregated
from telemetry.domain.figures.rollup import SignalFigures
from telemetry.domain.proof.manifest import Manifest
from telemetry.domain.store.latency import Percentiles, Stages
from telemetry.domain.store.storage import ObjectInfo
from telemetry.entrypoints.process import children, log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.kinds import Secret
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import driving, proving, sending
from telemetry.entrypoints.shared.driving import DrivingSeconds
from telemetry.entrypoints.shared.sending import SendOptions

_SETTLE_S: Final = 15.0  # for the last batch to be stored and for its hour to be aggregated
_TREES: Final = ("raw", "skewed", "quarantine", "aggregated")
_END_S: Final = 10.0  # in which a role has to stop before it is killed


class _Line(msgspec.Struct):
    """A line of the consumer's log."""

    latency: Stages | None = None


class DemoOptions(msgspec.Struct, frozen=True):
    """How many drive for how long, and over which queue and store."""

    vehicles: Annotated[int, Meta(ge=1, le=100_000)] = 10
    duration_s: DrivingSeconds = msgspec.field(default=42, name="duration")
    as_configured: bool = False


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("demo", __doc__)
    parser.add(DemoOptions, vehicles="N: how many vehicles", duration="SECONDS: of driving")
    parser.add_argument(
        "--as-configured", action="store_true", help="with the queue and the store that the settings choose"
    )
    options = parser.read(arguments).to(DemoOptions)
    # The demo is the embedded pipeline, whatever else is set, with a key that nobody has to know.
    configured = msgspec.structs.replace(
        settings.load(), api_key=Secret(secrets.token_urlsafe(24)), aggregate_interval=1.0
    )
    if not options.as_configured:
        configured = msgspec.structs.replace(configured, queue_backend="sqlite", storage_backend="local")
    log.configure(configured, "Demo")
    return runtime.run(lambda stopping: demonstrate(configured, options, stopping))


async def demonstrate(configured: Settings, options: DemoOptions, stopping: asyncio.Event) -> int:
    """Run the pipeline for a while and show what it made; the exit status says whether the proof holds."""
    container = Container(settings=configured)
    clock = container.clock()
    since_ms = clock.wall_ms()
    port = runtime.free_port()
    logs = configured.data_dir / "log"
    screen.explain(f"receiver, consumer and aggregator start on port {port}")
    screen.explain(f"their logs are in {logs}/")
    logs.mkdir(parents=True, exist_ok=True)
    async with opened(container.queue, container.storage, container.engine), _roles(configured, port, logs):
        to_receiver = SendOptions(url=f"http://127.0.0.1:{port}", patience_s=30)
        async with sending.sender(container, to_receiver) as sender:
            drive = "drives" if options.vehicles == 1 else "drive"
            screen.explain(
                f"{screen.counted(options.vehicles, 'vehicle')} {drive} for {options.duration_s:g} s, "
                "with a report every 200 ms"
            )
            # Names that no earlier run had, so that the figures of an hour show which are of this one.
            simulation = container.simulation(options.vehicles, seed=1, prefix=f"{since_ms // 1000:x}-veh")
            await driving.drive(simulation.sample, sender, clock, options.duration_s, stopping)
        status = sending.conclude(sender)
        proof = await proving.prove(container, sender.manifest, since_ms, _SETTLE_S)
        figures = await _aggregated(container, sender.manifest)
        made = await _made(container, since_ms)
    screen.files(f"{_place(configured)}: what this run stored", made)
    _show_figures(figures, {vehicle for (vehicle, _), _ in sender.manifest.streams()})
    _show_stages(logs / "consumer.log")
    return proving.conclude(container, proof) or status or int(stopping.is_set())


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
    running: dict[str, Popen[bytes]] = {}
    try:
        for role, *options in (["consumer"], ["aggregator"], ["receiver", "--port", str(port)]):
            log_file = logs / f"{role}.log"
            log_file.unlink(missing_ok=True)  # an older run's
            running[role] = children.start([role, *options], environment, log_file)
        yield
    finally:
        for role, process in running.items():
            if (status := process.poll()) is not None:
                screen.complain(f"the {role} ended too early, with status {status}; see {logs / role}.log")
        await asyncio.gather(
            *(asyncio.to_thread(children.end, process, _END_S) for process in running.values())
        )


async def _aggregated(container: Container, manifest: Manifest) -> Sequence[Aggregated]:
    """Wait until the aggregator has built the hours of what was sent, and read them."""
    aggregate = container.aggregator()
    deadline_s = container.clock().monotonic_s() + _SETTLE_S
    for hour in manifest.hours():
        while await aggregate.is_stale(hour) and container.clock().monotonic_s() < deadline_s:
            await asyncio.sleep(0.1)
            aggregate = container.aggregator()  # which has not seen the figures yet
    found = [await aggregate.figures(hour) for hour in manifest.hours()]
    return [figures for figures in found if figures]


async def _made(container: Container, since_ms: int) -> Sequence[ObjectInfo]:
    """List what appeared in the store since the run began; some stores say when by the whole second."""
    storage, since_ms = container.storage(), since_ms // 1000 * 1000
    listed = [info for tree in _TREES for info in await storage.list(f"{tree}/")]
    return [info for info in listed if info.stored_ms >= since_ms and "/_" not in info.key]


def _place(configured: Settings) -> str:
    """Name where the objects are."""
    if configured.storage_backend == "s3":
        return "/".join(filter(None, (f"s3://{configured.s3_bucket}", configured.s3_prefix.strip("/")))) + "/"
    return f"{configured.data_dir}/" if configured.storage_backend == "local" else "memory"


def _show_figures(hours: Sequence[Aggregated], ours: Collection[str]) -> None:
    rows = [
        (vehicle_id, hour.hour[:13], of_vehicle.count, *_extent(of_vehicle.signals))
        for hour in hours
        for vehicle_id, of_vehicle in hour.vehicles.items()
        if vehicle_id in ours
    ]
    screen.table(
        "Records of this run by hour and vehicle",
        ("vehicle", "hour (UTC)", "records", "SoC %", "V (avg)"),
        rows,
    )


def _extent(signals: Mapping[str, SignalFigures]) -> tuple[str, str]:
    soc, voltage = signals["battery_soc"], signals["battery_voltage"]
    return f"{soc.min:.1f} - {soc.max:.1f}", f"{voltage.avg:.1f}"


def _show_stages(consumer_log: Path) -> None:
    """Print, of each stage, the worst figures that any batch had."""
    batches = [
        each.latency for each in map(_read_line, consumer_log.read_bytes().splitlines()) if each.latency
    ]
    if batches:
        stages = [
            (name, _worst([getattr(batch, name) for batch in batches])) for name in Stages.__struct_fields__
        ]
        screen.latencies("Latency of this run by stage, each figure the worst that any batch had", stages)


def _read_line(text: bytes) -> _Line:
    """Read a line of the log; one that is none, or is torn, has nothing in it."""
    try:
        return msgspec.json.decode(text, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Line()


def _worst(batches: Sequence[Percentiles]) -> Percentiles:
    return Percentiles(
        p50=max(each.p50 for each in batches),
        p95=max(each.p95 for each in batches),
        p99=max(each.p99 for each in batches),
        min=min(each.min for each in batches),
        max=max(each.max for each in batches),
        size=sum(each.size for each in batches),
    )
