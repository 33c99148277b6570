"""A database in memory that answers one question over files. Only this module uses DuckDB.

What a question may do is bounded twice. It is one statement that asks: none that writes, attaches, installs
or sets. And DuckDB opens no file outside of the folders that it is given, has no network, and its settings
are locked.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

import duckdb

from telemetry.adapters.sql import views
from telemetry.adapters.sql.files import FilesGoneError
from telemetry.adapters.sql.views import About
from telemetry.domain.errors import UsageError

_ASKS: Final = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_LEAST_OBJECT: Final = 16_777_216  # bytes; what DuckDB reserves by itself for an object of JSON
_SET: Final = """
    SET TimeZone = 'UTC';
    SET temp_directory = getvariable('temporary');
"""
_LOCK: Final = """
    SET autoinstall_known_extensions = false;
    SET autoload_known_extensions = false;
    SET allowed_directories = getvariable('folders');
    SET enable_external_access = false;
    SET lock_configuration = true;
"""
Kind = Literal["csv", "json", "parquet"]

_WRITE: Final[Mapping[Kind, str]] = {
    "csv": "COPY answer TO ? (FORMAT csv, HEADER)",
    "json": "COPY answer TO ? (FORMAT json)",
    "parquet": "COPY answer TO ? (FORMAT parquet, COMPRESSION zstd)",
}


class QuestionError(UsageError):
    """A question that cannot be answered; its text says where it is at fault."""


class Table(NamedTuple):
    """The first rows of an answer; `has_more` says that there are others."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    has_more: bool


class SourceFiles(NamedTuple):
    """What views are about, and the files that they read; the largest of figures has `largest` bytes.

    `raw`, `whole` and `mixed` are as in `query.catalogue.Stored`.
    """

    about: Collection[About]
    raw: Sequence[str] = ()
    whole: Sequence[str] = ()
    mixed: Sequence[str] = ()
    figures: Sequence[str] = ()
    largest: int = 0


class Database:
    """The views over files."""

    def __init__(self, files: SourceFiles, folders: Sequence[Path], temporary: Path) -> None:
        """Make the views that files are given for.

        A question may read what is in `folders`, and what does not fit into memory is kept in `temporary`.
        """
        self._connection = duckdb.connect(":memory:")
        self._set("temporary", str(temporary))
        self._set("folders", [f"{folder.resolve()}/" for folder in (*folders, temporary)])
        with _errors():
            self._connection.execute(_SET)
            self._make_views(files, temporary)
            self._connection.execute(_LOCK)

    def _make_views(self, files: SourceFiles, temporary: Path) -> None:
        empty, nothing = temporary / "nothing", temporary / "nothing.parquet"
        empty.touch()
        self._connection.execute(views.NOTHING.format(file=nothing))
        self._set("raw", list(files.raw) or [str(empty)])
        self._set("whole", [str(nothing), *files.whole])
        self._set("mixed", [str(nothing), *files.mixed])
        self._set("aggregated", list(files.figures) or [str(empty)])
        self._set("largest", max(_LEAST_OBJECT, 2 * files.largest))
        for view in views.ALL.values():
            if view.about in files.about:
                self._connection.execute(view.statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def table(self, question: str, most: int) -> Table:
        """Answer with at most so many rows. Raise QuestionError, or FilesGoneError."""
        with _errors():
            answer = self._connection.execute(checked(question))
            columns = [name for name, *_ in answer.description or ()]
            rows = answer.fetchmany(most + 1)
            return Table(columns, rows[:most], len(rows) > most)

    def write(self, question: str, file: Path, kind: Kind) -> None:
        """Write the answer to a file. Raise QuestionError, or FilesGoneError."""
        with _errors():
            self._connection.register("answer", self._connection.from_query(checked(question)))
            self._connection.execute(_WRITE[kind], [str(file)])

    def interrupt(self) -> None:
        """End what is under way, from another thread."""
        self._connection.interrupt()

    def _set(self, name: str, value: object) -> None:
        self._connection.execute(f"SET VARIABLE {name} = ?", [value])


def checked(question: str) -> str:
    """Return a question that is one statement which asks. Raise QuestionError."""
    with duckdb.connect(":memory:") as connection, _errors():
        statements = connection.extract_statements(question)
    if len(statements) != 1 or statements[0].type not in _ASKS:
        raise QuestionError("a question is one statement: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE or EXPLAIN")
    return question


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        raise FilesGoneError(_said(error)) from error
    except duckdb.Error as error:
        raise QuestionError(_said(error)) from error


def _said(error: duckdb.Error) -> str:
    """Return what is wrong, without the place in the question, which its words tell as well."""
    return " ".join(str(error).partition("\n\nLINE ")[0].split())
