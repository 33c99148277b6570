"""What a person sees: progress on a terminal, and tables; in a pipe there is no progress."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from telemetry.domain.proof.prove import Proof
from telemetry.domain.store.latency import Percentiles
from telemetry.domain.store.storage import ObjectInfo

_FILES: Final = 3

_out = Console(highlight=False, soft_wrap=True)
_err = Console(highlight=False, soft_wrap=True, stderr=True)
# A table is never narrower than what is in it: a name or number that is broken says nothing.
_wide = Console(highlight=False, width=1000)


def progress() -> Progress:
    """Make a progress display on standard error, silent unless that is a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


@contextmanager
def status() -> Iterator[Callable[[str], None]]:
    """Show one line below all others on standard error while the context lasts; nothing but on a terminal.

    Yield what replaces its text. What `sys.stderr` is given meanwhile appears above it.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with Live(console=Console(stderr=True), transient=True) as live:
        yield lambda text: live.update(Text(text, overflow="ellipsis", no_wrap=True))


def say(text: str) -> None:
    """Print a line that others may read or copy, on one line whatever the terminal."""
    _out.print(text, markup=False)


def explain(text: str) -> None:
    """Print a sentence; on a terminal it is broken between words."""
    _break(_out, text)


def complain(text: str) -> None:
    """Print what is wrong on standard error; on a terminal it is broken between words."""
    _break(_err, text)


def _break(console: Console, text: str, style: str | None = None) -> None:
    console.print(
        text, style=style, markup=False, soft_wrap=not console.is_terminal, overflow="ignore", crop=False
    )


def counted(number: int, what: str) -> str:
    """Format a number of things, whose plural ends in s: `1 record`, `2 records`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def files(title: str, objects: Iterable[ObjectInfo]) -> None:
    """Print objects as a tree of two levels, of each folder's the first, the last and their number."""
    sheet, trees = Tree(title), dict[str, Tree]()
    by_folder: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
    for each in objects:
        by_folder[each.key.rpartition("/")[0]].append(each)
    for folder, inside in by_folder.items():
        name, _, rest = folder.partition("/")
        if name not in trees:
            trees[name] = sheet.add(f"{name}/")
        branch = trees[name].add(f"{rest}/") if rest else trees[name]
        names = [f"{each.key.rpartition('/')[2]}  {each.size:,} B" for each in inside]
        if len(names) > _FILES:
            names[1:-1] = [f"... {len(names) - 2} more"]
        for each_name in names:
            branch.add(each_name)
    _wide.print(sheet)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; all columns but the first are figures."""
    sheet = Table()
    for number, column in enumerate(columns):
        sheet.add_column(column, justify="right" if number else "left")
    for row in rows:
        sheet.add_row(*map(str, row))
    _break(_out, title, style="bold")
    _wide.print(sheet)


def latencies(title: str, stages: Iterable[tuple[str, Percentiles]]) -> None:
    rows = [
        (name, *(_seconds(value) for value in (each.p50, each.p95, each.p99, each.min, each.max)), each.size)
        for name, each in stages
    ]
    table(title, ("stage", "P50", "P95", "P99", "min", "max", "records"), rows)


def _seconds(value: float) -> str:
    """Format a duration with four digits, to keep the width of a table: `0.930 s`, `12.34 s`, `123.4 s`."""
    decimals = max(0, 3 - max(0, len(f"{value:.0f}") - 1))
    return f"{value:.{decimals}f} s"


def proof(result: Proof) -> None:
    """Print the proof table, and as the last line the proof on one line."""
    counts = [("sent", result.sent), ("accepted", result.accepted), ("stored", result.stored)]
    counts += [("unique", result.unique), ("duplicates", result.duplicates)]
    counts += [("pending", result.pending), ("lost", result.lost)]
    table("Proof of this run, counted from store and queue", ("records", "count"), counts)
    if result.latency and result.end_to_end:
        latencies(
            "Latency of this run, measured on the store",
            (("receipt to store", result.latency), ("end to end", result.end_to_end)),
        )
    say(str(result))
