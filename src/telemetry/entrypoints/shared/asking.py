"""How a question in SQL is asked of the store: its objects are found, made files, and read by DuckDB."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from telemetry.adapters.sql import views
from telemetry.adapters.sql.files import Files, FilesGoneError
from telemetry.domain.contract.moment import Span
from telemetry.domain.query.catalogue import TREES, Stored
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError
from telemetry.entrypoints.process import extras
from telemetry.entrypoints.process.container import Container

if TYPE_CHECKING:
    from telemetry.adapters.sql.database import Database, SourceFiles

R = TypeVar("R")

_EVERYTHING: Final = ("records", "figures")
_PARQUET: Final = ".parquet"
_ATTEMPTS: Final = 5
"""How often it is asked while others replace what it reads."""


class Question(msgspec.Struct, frozen=True):
    """What is asked, about which hours, and a folder for what only this question needs."""

    text: str
    span: Span
    folder: Path


Work = Callable[["Database"], R]


async def answer(
    container: Container, question: Question, stopping: asyncio.Event, work: Work[R]
) -> tuple[R, Sequence[DamagedObjectError]]:
    """Work with a database for a question, in a thread; return its result, and which objects are left out.

    Raise MissingExtraError, QuestionError, StoreUnavailableError, or FilesGoneError if that goes on.
    """
    with extras.needed("sql"):
        from telemetry.adapters.sql.database import checked  # noqa: PLC0415  # which is there only with it
    checked(question.text)
    for _ in range(_ATTEMPTS - 1):
        with suppress(FilesGoneError):
            return await _answer(container, question, stopping, work)
    return await _answer(container, question, stopping, work)


async def _answer(
    container: Container, question: Question, stopping: asyncio.Event, work: Work[R]
) -> tuple[R, Sequence[DamagedObjectError]]:
    from telemetry.adapters.sql.database import Database  # noqa: PLC0415  # as above

    root = _root(container)
    folders = [root / tree for tree in TREES] if root else []
    files, damage = await _sources(container, question, root)
    with Database(files, folders, question.folder) as database:
        return await _interruptible(database, stopping, work), damage


def _root(container: Container) -> Path | None:
    """Return the folder of the store, if it is one."""
    configured = container.settings()
    return configured.data_dir.resolve() if configured.storage_backend == "local" else None


async def _sources(
    container: Container, question: Question, root: Path | None
) -> tuple["SourceFiles", Sequence[DamagedObjectError]]:
    """Find and bring what a question names; if it names no view, all views are there and empty."""
    from telemetry.adapters.sql.database import SourceFiles  # noqa: PLC0415  # as above

    files = Files(container.storage(), container.together(), question.folder, root)
    catalogue = container.catalogue()
    named = views.needs(question.text)
    stored, figures = Stored((), (), ()), list[ObjectInfo]()
    if "records" in named:
        try:
            stored = await catalogue.records(question.span)
        except ObjectNotFoundError as error:
            raise FilesGoneError(f"{error} was replaced") from error
    if "figures" in named:
        figures += await catalogue.figures(question.span)
    brought = [await files.of(infos) for infos in (*_by_form(stored), figures)]
    raw, whole, mixed, stored_figures = (each.files for each in brought)
    largest = max((info.size for info in figures), default=0)
    made = SourceFiles(named or _EVERYTHING, raw, whole, mixed, stored_figures, largest)
    return made, [error for each in brought for error in each.damage]


def _by_form(stored: Stored) -> Stored:
    """Count compacted lines among the raw ones: that they have no copies makes no difference to the rule."""
    compacted = [*stored.whole, *stored.mixed]
    lines = [info for info in compacted if not info.key.endswith(_PARQUET)]
    whole, mixed = ([each for each in some if each.key.endswith(_PARQUET)] for some in stored[1:])
    return Stored([*stored.raw, *lines], whole, mixed)


async def _interruptible(database: "Database", stopping: asyncio.Event, work: Work[R]) -> R:
    """Work in a thread, and end it when the process is asked to stop."""
    working = asyncio.ensure_future(asyncio.to_thread(work, database))
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        database.interrupt()
    return await working
