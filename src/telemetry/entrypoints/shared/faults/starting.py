"""Starts a pipeline for a run under faults: its settings, its roles, and the relays between its parts."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from telemetry.domain.errors import UsageError
from telemetry.entrypoints.process import runtime, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.shared.faults import clocks
from telemetry.entrypoints.shared.faults.fault import Target
from telemetry.entrypoints.shared.faults.load import RATE, Load
from telemetry.entrypoints.shared.faults.pipeline import NAMES, Pipeline
from telemetry.entrypoints.shared.faults.relay import Relay
from telemetry.entrypoints.shared.keeping import Keeper

_QUICK: Final[Mapping[str, str]] = {
    "AGGREGATE_INTERVAL": "0.5",
    "AGGREGATE_MAX_AGE": "0",
    "BATCH_TIMEOUT": "0.5",
    "INGEST_BODY_TIMEOUT": "2",
    "INGEST_HEAD_TIMEOUT": "2",
    "INGEST_RATE": str(4 * RATE),
    "LOG_FORMAT": "text",
    "QUEUE_VISIBILITY_TIMEOUT": "3",
    "SQS_POLL_WAIT": "1",
}
"""What a run sets, so that many faults fit into a few minutes."""


def environment_of(folder: Path) -> Mapping[str, str]:
    """Return the environment of the run's processes: what is set, in a folder of its own, and quick."""
    own = {"DATA_DIR": str(folder / "data"), "API_KEY": secrets.token_urlsafe(24)}
    given = settings.load()
    if given.queue_backend == "memory" or given.storage_backend == "memory":
        raise UsageError("QUEUE_BACKEND and STORAGE_BACKEND: memory cannot be shared by processes")
    if given.storage_backend == "s3" or given.queue_backend == "sqs":
        if not os.environ.get("AWS_ENDPOINT_URL"):
            raise UsageError("AWS_ENDPOINT_URL: not set; faults are for an emulator, and not for AWS")
        own["S3_PREFIX"] = f"{given.s3_prefix}faults-{secrets.token_hex(4)}/"
    return {**os.environ, **_QUICK, **own}


@asynccontextmanager
async def started(
    container: Container, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[Target]:
    """Start the pipeline and what stands between its parts, and end all of it with the context."""
    async with AsyncExitStack() as stack:
        port = runtime.free_port()
        relays = {"http": Relay(f"http://127.0.0.1:{port}")}
        if address := environment.get("AWS_ENDPOINT_URL"):
            relays |= {"sqs": Relay(address), "s3": Relay(address)}
        for each in relays.values():
            await stack.enter_async_context(each.listening())
        past_relays = {
            f"AWS_ENDPOINT_URL_{name.upper()}": each.url for name, each in relays.items() if name != "http"
        }
        environments = {name: {**environment, **past_relays} for name in NAMES}
        keeper = stack.enter_context(Keeper(folder / "logs", is_shown=False))
        pipeline = Pipeline(environments, port, keeper, container.settings().data_dir)
        load = Load(container, relays["http"].url)
        target = Target(pipeline, load, container, environment, relays, clocks.prepare(folder))
        stack.callback(clocks.clean, target.faked)  # which are still to come
        stack.push_async_callback(pipeline.stop)
        await pipeline.start()
        yield target
