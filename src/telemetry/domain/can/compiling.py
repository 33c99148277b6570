"""Rule: make definitions of the entries of a file. What cannot be used is left out alone, and noted."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from telemetry.domain.can import j1939
from telemetry.domain.can.bits import Field
from telemetry.domain.can.definitions import Catalogue, Definition
from telemetry.domain.can.entries import MessageEntry, Notes, SignalEntry
from telemetry.domain.can.layout import Layout, Slot, Switch
from telemetry.domain.can.naming import snake_names
from telemetry.domain.can.protection import MASK, Protection
from telemetry.domain.can.scaling import Signal
from telemetry.domain.contract.signals import MAX_SIGNALS


def catalogue(entries: Sequence[MessageEntry], notes: Notes) -> Catalogue:
    """Make the definitions of messages; one without a signal is none.

    All are messages of SAE J1939 if each has an extended id of no source.
    """
    filled = [each for each in entries if each.signals]
    is_j1939 = bool(filled) and all(
        each.is_extended and each.can_id & 0xFF == j1939.NOBODY for each in filled
    )
    for (can_id, _), count in Counter((each.can_id, each.is_extended) for each in filled).items():
        if count > 1:
            notes["defined more than once, the last counts"].append(f"0x{can_id:X}")
    made = (_definition(each, notes, is_j1939=is_j1939) for each in filled)
    return Catalogue([each for each in made if each], dict(notes))


def _definition(entry: MessageEntry, notes: Notes, *, is_j1939: bool) -> Definition | None:
    is_j1939 = is_j1939 or (entry.is_j1939 and entry.is_extended)
    protection = None if entry.crc_init is None else Protection(entry.crc_init)
    fields = _reachable(entry, _fields(entry, notes, is_protected=bool(protection)), notes)
    if not fields:
        return None
    names = snake_names([entry.signals[place].name for place in fields])
    for each in names.notes:
        notes["renamed"].append(f"{each} ({entry.name})")
    # Where each signal of the entry is in the layout.
    places = {place: number for number, place in enumerate(fields)}
    slots = [
        Slot(
            _signal(entry.signals[place], name, is_j1939=is_j1939),
            field,
            _switch(entry.signals[place], places),
        )
        for (place, field), name in zip(fields.items(), names.names, strict=True)
    ]
    layout = Layout(slots, entry.size, protection)
    return Definition(entry.name, entry.can_id, entry.is_extended, layout, entry.period_ms or None, is_j1939)


def _fields(entry: MessageEntry, notes: Notes, *, is_protected: bool) -> dict[int, Field]:
    """Return the fields of the signals that can be read, by their places."""
    fields: dict[int, Field] = {}
    for place, signal in enumerate(entry.signals):
        named = f"{signal.name} ({entry.name})"
        try:
            field = Field(signal.start, signal.length, signal.order, signal.kind)
        except ValueError as error:
            notes["left out, no number"].append(f"{named}: {error}")
            continue
        if field.size > entry.size:
            notes["left out, beyond the end of the message"].append(named)
        elif not (is_protected and field.mask & MASK):
            # The signals of the protection are checked, and are no values of the car.
            fields[place] = field
    return fields


def _reachable(entry: MessageEntry, fields: dict[int, Field], notes: Notes) -> dict[int, Field]:
    """Leave out signals whose multiplexer is not known, and those too many for one record."""
    found = {place: field for place, field in fields.items() if _is_reachable(entry, place, fields)}
    _note(entry, fields.keys() - found.keys(), notes, "left out, its multiplexer is not known")
    if _most(entry, found) <= MAX_SIGNALS:
        return found
    first = dict(list(found.items())[:MAX_SIGNALS])
    kept = {place: field for place, field in first.items() if _is_reachable(entry, place, first)}
    _note(entry, found.keys() - kept.keys(), notes, f"left out, a record has at most {MAX_SIGNALS} signals")
    return kept


def _note(entry: MessageEntry, places: Collection[int], notes: Notes, what: str) -> None:
    if places:
        notes[what].extend(f"{entry.signals[place].name} ({entry.name})" for place in sorted(places))


def _is_reachable(entry: MessageEntry, place: int, fields: dict[int, Field]) -> bool:
    """Return whether the multiplexers of a signal lead to a signal that is always there."""
    passed: set[int] = set()
    at: int | None = place
    while at is not None and at in fields and at not in passed:
        passed.add(at)
        signal = entry.signals[at]
        if not signal.is_multiplexed:
            return True
        at = signal.multiplexer if signal.pages else None
    return False


def _most(entry: MessageEntry, places: Iterable[int]) -> int:
    """Return how many of some signals a frame holds at the most."""
    pages: defaultdict[int | None, list[tuple[range, ...]]] = defaultdict(list)
    for place in places:
        pages[entry.signals[place].multiplexer].append(entry.signals[place].pages)
    plain = len(pages.pop(None, ()))
    return plain + sum(map(_most_at_once, pages.values()))


def _most_at_once(pages: Sequence[tuple[range, ...]]) -> int:
    """Return how many signals of one multiplexer are there at the most; that is so where one begins."""
    starts = {some.start for ranges in pages for some in ranges}
    return max(sum(any(start in some for some in ranges) for ranges in pages) for start in starts)


def _signal(entry: SignalEntry, name: str, *, is_j1939: bool) -> Signal:
    return Signal(
        name,
        entry.length,
        entry.kind,
        entry.scaling,
        entry.limits,
        states=entry.states,
        is_j1939=is_j1939,
    )


def _switch(entry: SignalEntry, places: Mapping[int, int]) -> Switch | None:
    return None if entry.multiplexer is None else Switch(places[entry.multiplexer], entry.pages)
