"""How figures are certified, and certified again: a pure function of what was there and what was found out.

The rules:

- An hour is `open` until its end plus the lateness bound.
- Then it is `waiting` as long as anything may still hold records of it that were accepted before the bound:
  the queue, a lease, a dead letter, quarantine, or an object that could not be read.
- Otherwise it is `complete`, and stays so until its objects change. What was accepted before the bound is in
  them by then, so that only a record that came after the bound changes them: a late one.
- Figures of other objects are another revision. A revision that was complete stays in the history.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from telemetry.domain.contract.moment import format_timestamp
from telemetry.domain.figures.certificate import (
    Asked,
    Certificate,
    Counts,
    Held,
    Revision,
    Standing,
    State,
    Wholeness,
)

_REMEMBERED: Final = 32  # revisions


def certificate(  # noqa: PLR0913, PLR0917  # figures, what was there before, what was found out, and when
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


def is_another(standing: Standing | None, asked: Asked, closing_ms: int) -> bool:
    """Return whether a certificate of the same figures would now stand for something else.

    Nothing is known of figures without a `standing`, so that they are certified once the hour is over.
    """
    if asked.at_ms < closing_ms:
        return False
    return standing != Standing(_state(asked, closing_ms), asked.held.kinds)


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
