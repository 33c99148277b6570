"""What a history is: its settings and its events, as they are drawn, written to a file, and read back."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from telemetry.domain.store.objects import RawFormat

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

Kind = Literal[
    "post", "foreign", "poison", "fault", "away", "kill", "stop", "freeze", "jump", "sleep", "evict",
    "replay", "refile", "set aside", "doom",
]  # fmt: skip
Mode = Literal["", "refuse", "lose", "delay", "part", "double", "reorder"]


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """A record as a vehicle sends it."""

    timestamp_ms: int
    vehicle_id: str
    can_id: str
    payload: dict[str, float]

    @property
    def is_valid(self) -> bool:
        """Return whether the contract takes it; the one fault that is drawn is a charge beyond 100 %."""
        return self.payload.get("battery_soc", 0) <= 100


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens from outside, `after_s` the event before; which other fields count, its kind says.

    - `post`: somebody posts `records`, until they are answered
    - `foreign`: a foreign producer sends `records` to the queue, each a message; `poison`: `body`
    - `fault`: the next `count` calls of `verb` by `role` fail, in one `mode`; `amount` is seconds of delay
    - `away`: all calls of `verb`, or of all verbs of queue or store, fail for `amount` seconds
    - `kill`: a role ends at once, `count` steps later; `stop`: it ends in order; then another begins
    - `freeze`: a role does nothing for `amount` seconds; `sleep`: nobody does
    - `jump`: the wall clock of a role, of the queue or of the store changes by `amount` seconds
    - `evict`: what was computed once is lost
    - `replay`: an operator replays all that was set aside; `refile`: judges skewed records again, as if
      received `amount` seconds later; `set aside`: a consumer that cannot decode it quarantines a message
    - `doom`: whoever holds a message dies, and whoever holds it then, until it is a dead letter
    """

    kind: Kind
    after_s: float = 0.0
    role: str = ""
    verb: str = ""
    mode: Mode = ""
    amount: float = 0.0
    count: int = 1
    records: Sequence[Sent] = ()
    body: str = ""


class Options(msgspec.Struct, frozen=True):
    """The settings of a history: those of the product, and how fast its world answers."""

    start_ms: int
    receivers: int = 1
    latency_s: float = 0.0
    lingers_s: float = 0.0
    max_waiting: int = 1_000_000
    max_body: int = 1_048_576
    visibility_s: float = 4.0
    max_receives: int = 4
    batch_count: int = 10
    batch_age_s: float = 1.0
    buckets: int = 1
    raw_format: RawFormat = "jsonl"
    aggregate_s: float = 3.0
    at_once: int = 0
    fold_records: int = 750_000
    compactors: int = 0
    compact_s: float = 10.0
    compact_records: int = 750_000
    grace_s: float = 3600.0
    raw_kept_s: float | None = None

    @property
    def compactor_names(self) -> Sequence[str]:
        return [f"compactor-{number}" for number in range(self.compactors)]


class History(msgspec.Struct, frozen=True):
    """All that a history needs to be the same again."""

    seed: int
    options: Options
    events: Sequence[Event]

    @property
    def has_jumps(self) -> bool:
        return any(event.kind == "jump" for event in self.events)
