"""What a fleet sends, and the terms on which the pipeline takes it."""

from typing import Final, Literal

import msgspec

LINE: Final = 300.0
"""Bytes of a record of the simulator as a line."""

FIGURES: Final = 800
"""Bytes of a vehicle's figures of an hour."""

_SEALED: Final = (370.0, 36.0)  # bytes of an envelope of the simulator's records, and of each further record
_COMPRESSED: Final = (175.0, 25.0)  # the same of an object that is compressed


class Load(msgspec.Struct, frozen=True):
    """How many records come a second, in POSTs of how many, and how many processes take them."""

    rate: float
    per_post: float = 1
    vehicles: int = 10_000
    receivers: int = 1
    consumers: int = 1


class Terms(msgspec.Struct, frozen=True):
    """The settings that decide how records share messages and objects; durations are in seconds.

    `max_content` is the bytes of lines and times that a message holds. The round trips are those of a machine
    in the region of its queue and its bucket. `listed_s` says of each hour that an aggregator lists how many
    seconds of it are stored: this one, which is half over on average, two before it, and the next. Figures
    of more than `small` bytes are made once for `worth` bytes of lines for each of theirs, or for `most`, and
    after `waits_s` at the latest. Who compacts looks every `compact_s`, and removes raw objects `kept_s`
    after they were stored.
    """

    linger_s: float
    max_content: float
    batch_size: int
    batch_timeout_s: float
    max_object: float
    pause_s: float
    poll_s: float
    receivers: int
    look_s: float
    buckets: int = 1
    is_compressed: bool = False
    check_s: float = 10
    sqs_s: float = 0.01
    s3_s: float = 0.03
    listed_s: tuple[float, ...] = (1800, 3600, 3600, 0)
    small: int = 65_536
    worth: int = 150
    most: int = 150_000_000
    waits_s: float = 300
    compact_s: float = 600
    kept_s: float = 7 * 24 * 3600
    compacted_size: float = 128_000_000
    compacted_as: Literal["parquet", "jsonl.zst"] = "parquet"

    def object_size(self, records: float) -> float:
        """Return the bytes of an object of so many records."""
        head, each = _COMPRESSED if self.is_compressed else (0.0, LINE)
        return head + each * records


def message_size(records: float) -> float:
    """Return the bytes of a queue message of so many records, in base64."""
    head, each = _SEALED
    return head + each * records
