"""What is said of many histories: a table that can be added to, and a file of each that broke a law."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

import harness
import telemetry
from harness.histories.laws import BrokenError
from harness.histories.options import History

FOLDER: Final = Path("data/histories")
"""Where failures and tallies are written."""

_ROWS: Final = {
    "lost": ("what was answered 202 is in the store", "nothing disappears silently"),
    "miscounted": ("an hour equals one pass over its records",),
    "too early": ("complete is never said too early",),
    "deadlocks": (
        "nobody waits without an end",
        "each role goes on",
        "each role ends when it is told to",
        "each command ends",
        "all that is on its way arrives",
    ),
}
_NAMED: Final = frozenset(law for laws in _ROWS.values() for law in laws)
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
    """What has been run of the seeds from `first` up to `end`, and what came of those before `at`.

    `codes` counts the histories by the code that they ran on, of product and histories.
    """

    first: int
    end: int
    at: int
    cpu_s: float = 0.0
    wall_s: float = 0.0
    counts: dict[str, int] = {}
    broken: dict[str, list[int]] = {}
    codes: dict[str, int] = {}

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

    def add(self, counts: dict[str, int], broken: BrokenError | None, code: str) -> None:
        """Count one history more."""
        self.codes[code] = self.codes.get(code, 0) + 1
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
    codes: Counter[str] = Counter()
    broken: dict[str, list[int]] = {}
    histories, cpu_s, wall_s = 0, 0.0, 0.0
    for tally in tallies:
        counts.update(tally.counts)
        codes.update(tally.codes)
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
    lines += [f"code         {', '.join(f'{code}, {count:,} histories' for code, count in codes.items())}"]
    for row, laws in _ROWS.items():
        lines.append(f"{row:<12} {_seeds([seed for law in laws for seed in broken.get(law, [])])}")
    lines += [f"other        {_seeds(broken[law])}: {law}" for law in sorted(broken.keys() - _NAMED)]
    found = sum(map(len, broken.values()))
    return "\n".join([*lines, f"histories: run={histories} broken={found}"])


def stored() -> Sequence[Tally]:
    """Read the tallies of all runs. Raise ValueError if two of them have a seed in common."""
    paths = FOLDER.glob("tally-*.json")
    tallies = sorted((msgspec.json.decode(path.read_bytes(), type=Tally) for path in paths), key=_begin)
    for one, other in pairwise(tallies):
        if other.first < one.at:
            raise ValueError(f"{one.path} and {other.path} have seeds in common: remove one of them")
    return tallies


def code() -> str:
    """Name the code that histories run on: the bytes of the product and of the harness."""
    digest = blake2b(digest_size=6)
    for package in (telemetry, harness):
        root = Path(next(iter(package.__path__)))
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _begin(tally: Tally) -> tuple[int, int]:
    return tally.first, tally.end


def _rate(count: int, took_s: float) -> str:
    return f"{count / took_s if took_s else 0:.0f}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"{len(seeds)}, the first is seed {min(seeds)}" if seeds else "0"
