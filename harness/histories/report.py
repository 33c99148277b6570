"""What is said of many histories: a table that can be added to, and a file of each that broke a law."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from harness.histories.laws import BrokenError
from harness.histories.options import History

FOLDER: Final = Path("data/histories")
"""Where failures and tallies are written."""

_NAMED: Final = {
    "what was answered 202 is in the store": "lost",
    "an hour equals one pass over its records": "miscounted",
    "complete is never said too early": "too early",
    "nobody waits without an end": "deadlocks",
}
_PLAIN: Final = ("records", "retries")


class Failure(msgspec.Struct, frozen=True):
    """A history that broke a law, as it was drawn, as short as could be, and what the short one did."""

    law: str
    what: str
    plant: str
    digest: str
    drawn: History
    shrunk: History
    tale: Sequence[str]

    def write(self) -> Path:
        """Write it to a file, from which it can be replayed."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"failure-{self.plant or 'product'}-{self.drawn.seed}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))
        return path


class Tally(msgspec.Struct):
    """What has been run of the seeds from `first` up to `end`, and what came of those before `at`."""

    first: int
    end: int
    at: int
    cpu_s: float = 0.0
    wall_s: float = 0.0
    counts: dict[str, int] = {}
    broken: dict[str, list[int]] = {}

    @classmethod
    def of(cls, first: int, count: int, *, is_resumed: bool) -> "Tally":
        """Begin a tally, or go on with the one that a run of the same seeds left."""
        made = cls(first, first + count, first)
        if is_resumed and made.path.exists():
            return msgspec.json.decode(made.path.read_bytes(), type=cls)
        return made

    @property
    def path(self) -> Path:
        return FOLDER / f"tally-{self.first}-{self.end}.json"

    def add(self, counts: dict[str, int], broken: BrokenError | None) -> None:
        """Count one history more."""
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        if broken:
            self.broken.setdefault(broken.law, []).append(self.at)
        self.at += 1

    def save(self) -> None:
        """Write it where a later run, or another process, finds it."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        before = self.path.with_suffix(".new")
        before.write_bytes(msgspec.json.encode(self))
        before.replace(self.path)


def table(tallies: Iterable[Tally]) -> str:
    """Write what several runs found, for a person."""
    counts: Counter[str] = Counter()
    broken: dict[str, list[int]] = {}
    histories, cpu_s, wall_s = 0, 0.0, 0.0
    for tally in tallies:
        counts.update(tally.counts)
        histories += tally.at - tally.first
        cpu_s, wall_s = cpu_s + tally.cpu_s, wall_s + tally.wall_s
        for law, seeds in tally.broken.items():
            broken[law] = [*broken.get(law, []), *seeds]
    faults = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if name not in _PLAIN)
    lines = [
        f"records      {counts['records']:,} sent, {counts['retries']:,} bodies posted again",
        f"faults       {faults}",
        f"speed        {_rate(histories, cpu_s)} histories a second of CPU, {_rate(histories, wall_s)} of a clock",
    ]
    lines += [f"{_NAMED[law]:<12} {_seeds(broken.get(law, []))}" for law in _NAMED]
    lines += [f"other        {_seeds(broken[law])}: {law}" for law in sorted(broken.keys() - _NAMED.keys())]
    found = sum(map(len, broken.values()))
    return "\n".join([*lines, f"histories: run={histories} broken={found}"])


def stored() -> Sequence[Tally]:
    """Read the tallies of all runs."""
    paths = sorted(FOLDER.glob("tally-*.json"))
    return [msgspec.json.decode(path.read_bytes(), type=Tally) for path in paths]


def _rate(count: int, took_s: float) -> str:
    return f"{count / took_s if took_s else 0:.0f}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"{len(seeds)}, the first is seed {seeds[0]}" if seeds else "0"
