"""The consumer behind the FastAPI peer: parses every message, and writes it to the partition of its hour."""

import asyncio
import json
import os
import signal
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from benchmarks.peers.fastapi_app import BATCH, open_queue
from telemetry.domain.transport.lease import Delivery


async def main() -> None:
    queue = open_queue()
    root = Path(os.environ["DATA_DIR"], "raw")
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    while not stopping.is_set():
        if deliveries := await queue.receive(BATCH, 0.5):
            await asyncio.to_thread(store, root, deliveries)
            await queue.delete([delivery.handle for delivery in deliveries])
    await queue.close()


def store(root: Path, deliveries: Sequence[Delivery]) -> None:
    """Write one synced file a partition."""
    partitions: defaultdict[str, list[str]] = defaultdict(list)
    for delivery in deliveries:
        record = json.loads(delivery.body)
        made = datetime.fromisoformat(record["timestamp"]).astimezone(UTC)
        record["timestamp"] = made.isoformat(timespec="milliseconds")
        partitions[f"{made:year=%Y/month=%m/day=%d/hour=%H}"].append(json.dumps(record))
    for name, lines in partitions.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{uuid4().hex}"
        with temporary.open("w") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / f"{uuid4().hex}.jsonl")


if __name__ == "__main__":
    asyncio.run(main())
