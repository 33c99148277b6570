"""The certificate of an hour: whether more may come, which revision its figures are, and what it lacks."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, format_timestamp, start_ms

State = Literal["open", "waiting", "complete"]
Basis = Literal["hours", "age", "none"]


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


def marker(hour: Hour, made: Certificate) -> bytes:
    """Make the marker of an hour that is complete."""
    current = made.current
    at = format_timestamp(start_ms(hour))
    return msgspec.json.encode(Marker(at, made.revision, current.input_digest, current.completed or ""))


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
