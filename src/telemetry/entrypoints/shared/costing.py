"""What an estimate of costs needs beside the load: the settings as they would be on AWS, and the prices."""

from pathlib import Path
from typing import Final

import msgspec

from telemetry.domain.estimate.cost import Prices
from telemetry.domain.estimate.load import Terms
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.transport import envelope
from telemetry.entrypoints.process.settings import Settings

_PRICES: Final = Path(__file__).parents[2] / "data" / "prices.json"
_MAX_BODY: Final = 768 * 1024  # bytes: what base64 leaves of the 1 MiB of a message


def prices() -> Prices:
    """Read the prices that come with the package."""
    return msgspec.json.decode(_PRICES.read_bytes(), type=Prices)


def terms(configured: Settings) -> Terms:
    """Return the terms of these settings on SQS and S3, whatever backends they choose."""
    return Terms(
        linger_s=msgspec.structs.replace(configured, queue_backend="sqs").linger_s,
        max_content=envelope.max_content(_MAX_BODY),
        batch_size=configured.batch_size,
        batch_timeout_s=configured.batch_timeout,
        max_object=MAX_BATCH,
        pause_s=configured.sqs_receive_pause,
        poll_s=configured.sqs_poll_wait,
        receivers=configured.sqs_receivers,
        look_s=configured.aggregate_interval,
        buckets=configured.partition_buckets,
        is_compressed=configured.raw_format == "jsonl.zst",
        small=configured.filling_terms.small,
        worth=configured.filling_terms.worth,
        most=configured.filling_terms.most,
        waits_s=configured.aggregate_max_age,
        compact_s=configured.compact_interval,
        kept_s=configured.compact_raw_retention,
        compacted_size=configured.compact_target_bytes,
        compacted_as=configured.compact_format,
    )
