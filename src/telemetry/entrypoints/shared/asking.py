"""How a question in SQL is asked of the store: its objects are found, made files, and read by DuckDB."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from telemetry.adapters.sql import views
from telemetry.adapters.sql.files import Files, FilesGoneError
from telemetry.domain.contract.moment import Span
from telemetry.domain.query.catalogue import TREES
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.entrypoints.process import extras
from telemetry.entrypoints.process.container import Container

if TYPE_CHECKING:
    from telemetry.adapters.sql.database import Database

R = TypeVar("R")

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

    sources = await _sources(container, question)
    with Database(sources.files, sources.largest, sources.folders, question.folder) as database:
        return await _interruptible(database, stopping, work), sources.damage


class _Sources(NamedTuple):
    """The files of each tree, the size of the largest figures, what may be read, and what is left out."""

    files: Mapping[str, Sequence[str]]
    largest: int
    folders: Sequence[Path]
    damage: Sequence[DamagedObjectError]


async def _sources(container: Container, question: Question) -> _Sources:
    """Find and bring what a question names; if it names no view, all views are there and empty."""
    configured = container.settings()
    root = configured.data_dir.resolve() if configured.storage_backend == "local" else None
    files = Files(container.storage(), container.together(), question.folder, root)
    nothing = question.folder / "nothing"
    nothing.touch()
    found, largest, damage = dict[str, Sequence[str]](), 0, list[DamagedObjectError]()
    named = views.trees(question.text)
    for tree in named or TREES:
        infos = await container.catalogue().objects(tree, question.span) if named else ()
        brought = await files.of(infos)
        found[tree] = brought.files or [str(nothing)]
        damage += brought.damage
        largest = max(largest, *(info.size for info in infos), 0)
    folders = [question.folder, *(root / tree for tree in TREES if root)]
    return _Sources(found, largest, folders, damage)


async def _interruptible(database: "Database", stopping: asyncio.Event, work: Work[R]) -> R:
    """Work in a thread, and end it when the process is asked to stop."""
    working = asyncio.ensure_future(asyncio.to_thread(work, database))
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not working.done():
        database.interrupt()
    return await working
