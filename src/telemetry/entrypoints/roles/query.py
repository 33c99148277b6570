"""`telemetry query`: answers a question in SQL about what is stored.

The question may name the views `records` (each record once), `figures` (a row an hour, vehicle and signal)
and `hours` (a row an hour: its state and what it counts); DESCRIBE shows their columns. All times are in UTC.
Say by --from and --to which hours it is about: only their objects are listed and read. It needs DuckDB, which
comes with the extra `sql`.
"""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from telemetry.domain.contract.moment import Hour, Span
from telemetry.entrypoints.process import log, runtime, scratch, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, hour, new_file
from telemetry.entrypoints.shared import asking

if TYPE_CHECKING:
    from telemetry.adapters.sql.database import Database, Kind, Table

Format = Literal["table", "csv", "json", "parquet"]

_ENDINGS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
_MOST_ROWS: Final = 1000
"""Of a table; who wants more wants a file."""


class QueryOptions(msgspec.Struct, frozen=True):
    """What is asked, about which hours, and how it is answered."""

    question: str
    first: int | None = msgspec.field(default=None, name="from")
    last: int | None = msgspec.field(default=None, name="to")
    format: Format | None = None
    output: Path | None = None

    @property
    def span(self) -> Span:
        first, last = (None if each is None else Hour(each) for each in (self.first, self.last))
        return Span(first, last)

    @property
    def kind(self) -> Format:
        """Return the format that is asked for, by its name, by the ending of a file, or by what shows it."""
        if self.format or self.output is None:
            return self.format or ("table" if sys.stdout.isatty() else "csv")
        return _ENDINGS.get(self.output.suffix.lower(), "csv")


def main(arguments: Sequence[str] = ()) -> int:
    if not arguments:
        Parser.of("query", __doc__).print_help()
        return 0
    options = _options(arguments)
    configured = settings.load()
    log.configure(configured, "Query")
    container = Container(settings=configured)
    return runtime.run(lambda stopping: _act(container, options, stopping))


def _options(arguments: Sequence[str]) -> QueryOptions:
    parser = Parser.of("query", __doc__)
    parser.add_argument("question", metavar="SQL", help="the question, or - to read it from standard input")
    for name, what in (
        ("--from", "about this hour and later ones, for example 2025-10-19T14 (UTC)"),
        ("--to", "and about this one and earlier ones"),
    ):
        parser.add_argument(name, type=hour, metavar="H", help=what)
    parser.add(
        QueryOptions,
        {"output": new_file},
        format="FORMAT: table, csv, json (an object a line) or parquet; by default that of --output, "
        "a table on a terminal, and csv in a pipe",
        output="FILE: where the answer is written to",
    )
    options = parser.read(arguments).to(QueryOptions)
    if options.first is not None and options.last is not None and options.last < options.first:
        parser.error("argument --to: it is before --from")
    if options.kind == "parquet" and options.output is None:
        parser.error("argument --format: parquet is no text; say by --output where it is written to")
    if options.kind == "table" and options.output is not None:
        parser.error("argument --format: a table is for a terminal; csv, json and parquet are for files")
    return options


async def _act(container: Container, options: QueryOptions, stopping: asyncio.Event) -> int:
    asked = sys.stdin.read() if options.question == "-" else options.question
    with scratch.folder("telemetry-query-") as folder:
        question = asking.Question(asked, options.span, folder)
        async with opened(container.storage):
            if options.kind == "table":
                table, damage = await asking.answer(container, question, stopping, partial(_table, asked))
                _show(table)
            else:
                file = folder / "answer"
                write = partial(_write, asked, file, options.kind)
                _, damage = await asking.answer(container, question, stopping, write)
                _hand_over(file, options.output)
        for error in damage:
            screen.complain(str(error))
    return int(bool(damage))


def _table(asked: str, database: "Database") -> "Table":
    return database.table(asked, _MOST_ROWS)


def _write(asked: str, file: Path, kind: "Kind", database: "Database") -> None:
    database.write(asked, file, kind)


def _show(table: "Table") -> None:
    screen.table("", table.columns, ([_shown(value) for value in row] for row in table.rows))
    if table.has_more:
        screen.complain(f"these are the first {_MOST_ROWS} rows; --output FILE has all of them")


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds").removesuffix(".000")
    return "" if value is None else str(value)


def _hand_over(file: Path, output: Path | None) -> None:
    """Give the answer the name that was asked for, whole or not at all, or print it."""
    if output is None:
        with file.open("rb") as answer:
            shutil.copyfileobj(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    beside = output.with_name(f".{output.name}.unfinished")
    try:
        shutil.copyfile(file, beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
