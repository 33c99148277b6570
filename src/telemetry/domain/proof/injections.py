"""What faults did to a pipeline, kind by kind, and what of it speaks against the pipeline or the run.

A kind that was never injected proves nothing, and one that the operator should be told of and is not told of
is a fault that nobody finds. Both fail a run, as a pipeline does that does not recover.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec


class Injection(msgspec.Struct, frozen=True):
    """A fault that was injected: whether it took hold, how soon all worked again, and what was told.

    `recovered_s` is None if the pipeline did not work again. `told` is a line of a log, or nothing.
    """

    kind: str
    why_not: str = ""
    recovered_s: float | None = None
    told: str = ""


class Summary(msgspec.Struct, frozen=True):
    """All injections of a kind: how many took hold, from how many it recovered, the longest, a line."""

    kind: str
    injected: int
    recovered: int
    worst_s: float
    told: str
    why_not: str


def summarise(injections: Sequence[Injection]) -> Sequence[Summary]:
    """Return a summary of each kind, in the order of their names."""
    return [
        _of_kind(kind, [each for each in injections if each.kind == kind])
        for kind in sorted({each.kind for each in injections})
    ]


def objections(summaries: Sequence[Summary], must_tell: Mapping[str, bool]) -> Iterator[str]:
    """Yield what is wrong with a run; `must_tell` says of each kind whether an operator has to be told."""
    if not any(each.injected for each in summaries):
        yield "nothing was injected"
    for each in summaries:
        if not each.injected:
            yield f"{each.kind}: never injected: {each.why_not}"
        elif each.recovered < each.injected:
            yield f"{each.kind}: not recovered from {each.injected - each.recovered} of {each.injected}"
        elif must_tell[each.kind] and not each.told:
            yield f"{each.kind}: nobody was told of it"


def _of_kind(kind: str, injections: Sequence[Injection]) -> Summary:
    held = [each for each in injections if not each.why_not]
    took_s = [each.recovered_s for each in held if each.recovered_s is not None]
    return Summary(
        kind=kind,
        injected=len(held),
        recovered=len(took_s),
        worst_s=max(took_s, default=0.0),
        told=next((each.told for each in held if each.told), ""),
        why_not=next((each.why_not for each in injections if each.why_not), ""),
    )
