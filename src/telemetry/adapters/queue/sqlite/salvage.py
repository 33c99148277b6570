"""What of a damaged queue can be read: every message that is whole, and what is left of the others.

No tree is followed, since a page of a tree that is damaged hides all that is below it. Each page that is in
use is looked at by itself, and its rows are told by the kinds of their columns: a body is a number and bytes,
a message is numbers. A body without a message is kept, as one that was never received: that its message was
deleted is known only where both are gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from telemetry.adapters.queue.sqlite import cells
from telemetry.adapters.queue.sqlite.cells import Cell, Value
from telemetry.adapters.queue.sqlite.pages import Pages
from telemetry.adapters.queue.sqlite.schema import ALIVE, DEAD, SETTLED

_FRESH: Final = ("number", "sent", "since", "until", "receives", "strikes", "state")
_UPGRADED: Final = ("number", "sent", "until", "receives", "state", "since", "strikes")
"""The columns of a queue that was made by this version, and of one that was upgraded, as they are stored."""


class Message(NamedTuple):
    """A message as it was found; `body` is all that can be read of it, and `is_whole` says if that is all."""

    number: int
    sent_ms: int
    receives: int
    strikes: int
    state: int
    body: bytes
    is_whole: bool


class _Row(NamedTuple):
    sent_ms: int
    receives: int
    strikes: int
    state: int


def messages(pages: Pages, now_ms: int) -> Iterator[Message]:
    """Yield every message of which anything is left, in the order of sending.

    One whose time of sending is lost was sent when the one before it was, or else at `now_ms`.
    """
    rows: dict[int, _Row] = {}
    bodies: dict[int, Cell] = {}
    columns = _columns(pages)
    for leaf in cells.leaves(pages):
        for cell in leaf:
            if _is_body(cell):
                bodies[cell.number] = cell
            elif row := _row(cell, columns):
                rows[cell.number] = row
    sent_ms = min((row.sent_ms for row in rows.values()), default=now_ms)
    for number in sorted(rows.keys() | bodies.keys()):
        row = rows.get(number, _Row(sent_ms, 0, 0, ALIVE))
        sent_ms = row.sent_ms
        if row.state != SETTLED:
            body, is_whole = _body(pages, bodies.get(number))
            state = DEAD if row.state == DEAD else ALIVE
            yield Message(number, sent_ms, row.receives, row.strikes, state, body, is_whole)


def _columns(pages: Pages) -> Sequence[str]:
    """Return the order of the columns of messages, which the definition of the table tells."""
    page = pages.read(1)
    start = page.find(b"CREATE TABLE messages")
    is_upgraded = start >= 0 and page.find(b"until", start) < page.find(b"since", start)
    return _UPGRADED if is_upgraded else _FRESH


def _is_body(cell: Cell) -> bool:
    """Return whether a row is that of a body: nothing, in the place of its number, and bytes."""
    try:
        kinds, start = cells.types_of(cell.local)
    except (ValueError, IndexError):
        return False
    is_blob = len(kinds) == 2 and kinds[0] == 0 and kinds[1] >= 12 and not kinds[1] % 2  # noqa: PLR2004
    return is_blob and start + cells.size_of(kinds[1]) == cell.length and cell.number > 0


def _row(cell: Cell, columns: Sequence[str]) -> _Row | None:
    """Return the row of a message; None if it is another one."""
    try:
        values = cells.values_of(cell.local)
    except (ValueError, IndexError):
        return None
    if cell.rest or len(values) < len(columns) - 2 or values[0] is not None:
        return None
    if not all(isinstance(value, int) and value >= 0 for value in values[1:]):
        return None
    named: Mapping[str, Value] = dict(zip(columns, values, strict=False))
    numbers = [int(named.get(name) or 0) for name in ("sent", "receives", "strikes", "state")]
    return _Row(*numbers) if numbers[3] <= SETTLED else None


def _body(pages: Pages, cell: Cell | None) -> tuple[bytes, bool]:
    """Return what can be read of a body, and whether it is all."""
    if not cell:
        return b"", False
    record = cells.whole(pages, cell)
    _, start = cells.types_of(cell.local)
    return record[start:], len(record) == cell.length
