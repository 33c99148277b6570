"""The certificate of an hour: whether more may come, which revision its figures are, and what is missing.

Its rules:

- An hour is `open` until its end plus the lateness bound.
- Then it is `waiting` as long as anything may still hold records of it that were accepted before the bound:
  the queue, a lease, a dead letter, quarantine, or an object that could not be read.
- Otherwise it is `complete`, and stays so until its objects change. What was accepted before the bound is in
  them by then, so that only a record that came after the bound changes them: a late one.
- Figures of other objects are another revision. A revision that was complete stays in the history.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp, start_ms

State = Literal["open", "waiting", "complete"]
Basis = Literal["hours", "age", "none"]

_REMEMBERED: Final = 32  # revisions


class Counts(msgspec.Struct, frozen=True):
    """What an hour's figures count, or how much of it another revision changed."""

    objects: int = 0
    records: int = 0
    unique: int = 0
    duplicates: int = 0
    conflicting: int = 0
    refused: int = 0
    skewed: int = 0
    damaged: int = 0
    vehicles: int = 0

    def since(self, before: "Counts") -> "Counts":
        """Return how much was added since; what became less is negative."""
        names = self.__struct_fields__
        return Counts(**{name: getattr(self, name) - getattr(before, name) for name in names})


class Revision(msgspec.Struct, frozen=True):
    """Figures as they are, or were once: of which objects, and when they were complete, if they were."""

    number: int
    built: str
    input_digest: str
    counts: Counts
    completed: str | None = None


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may hold records of an hour that are in none of its objects.

    Messages and quarantined bodies that name the hour, then those of which only the time of sending is known.
    `fault` says why it is not known what there is, and `objects` counts those that are in no figures yet.
    """

    ready: int = 0
    leased: int = 0
    dead: int = 0
    quarantined: int = 0
    unplaced: int = 0
    objects: int = 0
    fault: str = ""

    @property
    def kinds(self) -> Sequence[str]:
        """Return the names of what there is any of."""
        return [name for name in self.__struct_fields__ if getattr(self, name)]


class Standing(NamedTuple):
    """What a certificate says without its numbers: how much an hour waits for changes all the time."""

    state: State
    kinds: Sequence[str]


class Silence(msgspec.Struct, frozen=True):
    """A vehicle that sent nothing in an hour: its last record before, and whether it was parked then."""

    last: str
    asleep: bool


class Wholeness(msgspec.Struct, frozen=True):
    """What all streams of an hour have, what they lack, and who was silent.

    `missing_share` is the share of expected records that did not come. A vehicle that is absent and not
    asleep counts in it as one of average size, of which nothing came.
    """

    expected: int
    missing: int
    missing_share: float
    gaps: int
    vehicles_with_gaps: int
    absent: Mapping[str, Silence]


class Certificate(msgspec.Struct, frozen=True):
    """What is known about an hour's figures.

    `closes` is the end of the hour plus the lateness bound, and `since` when the state was entered. `basis`
    says how the queue was asked: by the hour that each message names, or by the age of the oldest. `late`
    counts records that came after the hour had been complete. `changed` is what the last revision changed.
    """

    state: State
    revision: int
    since: str
    closes: str
    basis: Basis
    held: Held
    late: int
    changed: Counts
    history: Sequence[Revision]
    wholeness: Wholeness

    @property
    def current(self) -> Revision:
        """Return the revision of the figures that bear the certificate."""
        return self.history[-1]

    @property
    def standing(self) -> Standing:
        return Standing(self.state, self.held.kinds)

    @property
    def reason(self) -> str:
        """Say why the hour is not complete; nothing if it is."""
        if self.state == "complete":
            return ""
        return f"it is open until {self.closes}" if self.state == "open" else why(self.held)


class Marker(msgspec.Struct, frozen=True):
    """What the marker of a complete hour says: of which figures it is."""

    hour: str
    revision: int
    input_digest: str
    completed: str


class Asked(msgspec.Struct, frozen=True):
    """What was found out at `at_ms` or later, but before the objects were listed."""

    at_ms: int
    basis: Basis
    held: Held


def closes_ms(hour: Hour, lateness_ms: int) -> int:
    """Return the moment up to which a record of an hour is not late."""
    return start_ms(hour) + HOUR_MS + lateness_ms


def of(  # noqa: PLR0913, PLR0917  # figures, what was there before, what was found out, and when
    counts: Counts,
    input_digest: str,
    wholeness: Wholeness,
    previous: Certificate | None,
    asked: Asked,
    now_ms: int,
    closing_ms: int,
) -> Certificate:
    """Make the certificate of figures that were built from a listing younger than what was asked."""
    now = format_timestamp(now_ms)
    is_same = previous is not None and previous.current.input_digest == input_digest
    state = _state(asked, closing_ms)
    if previous and is_same and previous.state == "complete" and not asked.held.objects:
        return msgspec.structs.replace(previous, wholeness=wholeness)
    number = previous.revision + (not is_same) if previous else 1
    before = previous.current.counts if previous else Counts()
    completed = now if state == "complete" else None
    built = previous.current.built if previous and is_same else now
    revision = Revision(number, built, input_digest, counts, completed)
    is_entered = previous is None or not is_same or previous.state != state
    return Certificate(
        state=state,
        revision=number,
        since=now if previous is None or is_entered else previous.since,
        closes=format_timestamp(closing_ms),
        basis=asked.basis,
        held=Held() if state == "open" else asked.held,
        late=_late(previous, counts),
        changed=previous.changed if previous and is_same else counts.since(before),
        history=[*_remembered(previous), revision][-_REMEMBERED:],
        wholeness=wholeness,
    )


def marker(hour: Hour, made: Certificate) -> bytes:
    """Make the marker of an hour that is complete."""
    current = made.current
    at = format_timestamp(start_ms(hour))
    return msgspec.json.encode(Marker(at, made.revision, current.input_digest, current.completed or ""))


def is_another(standing: Standing | None, asked: Asked, closing_ms: int) -> bool:
    """Return whether a certificate of the same figures would now stand for something else.

    Nothing is known of figures without a `standing`, so that they are certified once the hour is over.
    """
    if asked.at_ms < closing_ms:
        return False
    return standing != Standing(_state(asked, closing_ms), asked.held.kinds)


def why(held: Held) -> str:
    """Say what may still hold records, and where to look."""
    parts = [
        _said(held.ready, "message", "in the queue"),
        _said(held.leased, "message", "on lease"),
        _said(held.dead, "dead letter", "of it (telemetry dead-letters list)"),
        _said(held.quarantined, "body", "in quarantine (telemetry dead-letters list)"),
        _said(held.unplaced, "message", "whose hour is not known"),
        _said(held.objects, "object", "in no figures yet"),
        held.fault,
    ]
    return "it may not be whole: " + ", ".join(filter(None, parts))


def _said(count: int, what: str, where: str) -> str:
    plural = "bodies" if what == "body" else f"{what}s"
    return f"{count} {what if count == 1 else plural} {where}" if count else ""


def _state(asked: Asked, closing_ms: int) -> State:
    """Judge by the moment of asking, because what was asked earlier says nothing about the time after."""
    if asked.at_ms < closing_ms:
        return "open"
    return "complete" if asked.held == Held() else "waiting"


def _late(previous: Certificate | None, counts: Counts) -> int:
    """Count the records that came since, if the hour had been complete; new objects hold at least one."""
    if previous is None:
        return 0
    if not any(revision.completed for revision in previous.history):
        return previous.late
    more = counts.since(previous.current.counts)
    came = max(0, more.records) + max(0, more.skewed)
    return previous.late + max(came, int(more.objects > 0))


def _remembered(previous: Certificate | None) -> Sequence[Revision]:
    """Return the revisions that were complete."""
    return [revision for revision in previous.history if revision.completed] if previous else []
