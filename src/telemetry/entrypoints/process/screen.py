"""What a person sees: progress on a terminal, and tables; in a pipe there is no progress."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.tree import Tree

from telemetry.domain.proof.prove import Proof
from telemetry.domain.store.latency import Percentiles

_FILES: Final = 3

_out = Console(highlight=False, soft_wrap=True)
_err = Console(highlight=False, soft_wrap=True, stderr=True)


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


def say(text: str) -> None:
    _out.print(text, markup=False)


def complain(text: str) -> None:
    _err.print(text, markup=False)


def counted(number: int, what: str) -> str:
    """Format a number of things, whose plural ends in s: `1 record`, `2 records`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def files(root: Path, trees: Iterable[str]) -> None:
    """Print the folders below `root` of these names, of each folder's files the first, the last and their number."""
    sheet = Tree(f"{root}/")
    for name in trees:
        if (root / name).is_dir():
            _branch(sheet.add(f"{name}/"), root / name)
    _out.print(sheet)


def _branch(sheet: Tree, folder: Path) -> None:
    inside = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    for each in inside:
        if each.is_dir():
            _branch(sheet.add(f"{each.name}/"), each)
    names = [f"{each.name}  {each.stat().st_size:,} B" for each in inside if each.is_file()]
    if len(names) > _FILES:
        names[1:-1] = [f"... {len(names) - 2} more"]
    for name in names:
        sheet.add(name)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; all columns but the first are figures."""
    sheet = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        sheet.add_column(column, justify="right" if number else "left")
    for row in rows:
        sheet.add_row(*map(str, row))
    _out.print(sheet)


def latencies(title: str, stages: Iterable[tuple[str, Percentiles]]) -> None:
    rows = [
        (name, *(f"{value:.3f} s" for value in (each.p50, each.p95, each.p99, each.min, each.max)), each.size)
        for name, each in stages
    ]
    table(title, ("stage", "P50", "P95", "P99", "min", "max", "records"), rows)


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
