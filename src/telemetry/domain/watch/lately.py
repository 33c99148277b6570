"""What a process measured lately: its tallies now, and as they were some seconds ago."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from telemetry.domain.store.latency import BOUNDS_S

Role = Literal["receiver", "consumer", "aggregator"]

WINDOW_S: Final = 10.0
"""Over how long rates, shares and percentiles are measured."""

LATE_S: Final = 5.0
"""What the P95 from vehicle to store should be below."""
REFUSED_SHARE: Final = 0.01
"""What share of the records may be rejected, set aside, or in a POST that fails."""

Stages = Mapping[str, Sequence[int]]
"""By stage, how many latencies were up to each of `BOUNDS_S` but not the one before, and how many over."""


class Tallies(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a process has counted from its start to `at_ms`; a role leaves out what it does not do.

    Stored records came in `messages` and went to `objects` of `size` bytes in all. `looked_ms` is
    when an aggregator last looked through the store to its end, `longest_build_s` how long an hour took.
    `failing` is why a consumer could not write, since it stored something.
    """

    at_ms: int
    stored: int = 0
    skewed: int = 0
    messages: int = 0
    objects: int = 0
    size: int = 0
    accepted: int = 0
    rejected: int = 0
    posts: int = 0
    failed_posts: int = 0
    stages: Stages = {}
    looked_ms: int = 0
    longest_build_s: float = 0.0
    failing: str = ""


class Lately(msgspec.Struct, frozen=True, omit_defaults=True):
    """The tallies of one process now and some seconds before, and since when something is wrong with them.

    `url` is where a receiver answers.
    """

    role: Role
    now: Tallies
    before: Tallies
    late_since_ms: int | None = None
    refused_since_ms: int | None = None
    url: str = ""

    @property
    def span_s(self) -> float:
        return (self.now.at_ms - self.before.at_ms) / 1000


_COUNTED: Final = ("stored", "skewed", "accepted", "rejected", "posts", "failed_posts")


class Sums(msgspec.Struct, frozen=True):
    """What several processes did lately, together."""

    stored: int
    skewed: int
    accepted: int
    rejected: int
    posts: int
    failed_posts: int
    stages: Stages
    stored_per_s: float
    accepted_per_s: float

    @classmethod
    def of(cls, many: Sequence[Lately]) -> "Sums":
        """Add what each did between its two tallies."""
        return cls(
            **{name: sum(_grown(each, name) for each in many) for name in _COUNTED},
            stages=_stages(many),
            stored_per_s=_rate(many, "stored"),
            accepted_per_s=_rate(many, "accepted"),
        )

    @property
    def shares(self) -> Mapping[str, float]:
        """Return what was not taken as it was sent, as shares: of records, of POSTs, of stored records."""
        return {
            "rejected": _share(self.rejected, self.accepted + self.rejected),
            "failed": _share(self.failed_posts, self.posts),
            "skewed": _share(self.skewed, self.stored),
        }

    @property
    def p95_s(self) -> Mapping[str, float]:
        """Return the P95 of each stage, in seconds."""
        return {stage: found for stage, counts in self.stages.items() if (found := p95(counts)) is not None}


class Window:
    """The tallies of one process within the last seconds."""

    def __init__(self, role: Role, url: str = "") -> None:
        self._role = role
        self._url = url
        self._kept: deque[Tallies] = deque()
        self._late_since_ms: int | None = None
        self._refused_since_ms: int | None = None

    def add(self, now: Tallies) -> Lately:
        """Take the newest tallies; return them beside the ones of some seconds ago."""
        if self._kept and not self._kept[-1].at_ms <= now.at_ms:  # the clock jumped back
            self._kept.clear()
        self._kept.append(now)
        while len(self._kept) > 1 and self._kept[1].at_ms <= now.at_ms - WINDOW_S * 1000:
            self._kept.popleft()
        lately = Lately(self._role, now, self._kept[0], url=self._url)
        sums = Sums.of([lately])
        is_late = sums.p95_s.get("end_to_end", 0) > LATE_S
        is_refused = max(sums.shares.values()) > REFUSED_SHARE
        self._late_since_ms = _since(self._late_since_ms, now.at_ms, holds=is_late)
        self._refused_since_ms = _since(self._refused_since_ms, now.at_ms, holds=is_refused)
        return msgspec.structs.replace(
            lately, late_since_ms=self._late_since_ms, refused_since_ms=self._refused_since_ms
        )


def p95(counts: Sequence[int]) -> float | None:
    """Return the P95 in seconds, interpolated between bounds; None of nothing, beyond all the last bound."""
    rank, below = 0.95 * sum(counts), 0
    if not rank:
        return None
    for low, high, count in zip((0.0, *BOUNDS_S), BOUNDS_S, counts, strict=False):
        if below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    return float(BOUNDS_S[-1])


def _grown(each: Lately, name: str) -> int:
    """Return by how much a tally grew; one that fell is of a process that was started again."""
    grown: int = getattr(each.now, name) - getattr(each.before, name)
    return max(0, grown)


def _stages(many: Iterable[Lately]) -> Stages:
    sums: dict[str, Counter[int]] = {}
    for each in many:
        for stage, counts in each.now.stages.items():
            before = each.before.stages.get(stage, [0] * len(counts))
            grown = {
                place: max(0, new - old) for place, (new, old) in enumerate(zip(counts, before, strict=True))
            }
            sums.setdefault(stage, Counter()).update(grown)
    return {stage: [counts[place] for place in sorted(counts)] for stage, counts in sums.items()}


def _rate(many: Iterable[Lately], name: str) -> float:
    return sum(_grown(each, name) / each.span_s for each in many if each.span_s > 0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _since(since_ms: int | None, now_ms: int, *, holds: bool) -> int | None:
    if not holds:
        return None
    return now_ms if since_ms is None else since_ms
