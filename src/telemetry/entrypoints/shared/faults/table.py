"""What a person sees of the faults of a run: a line for each as it is over, and a table of all kinds."""

from collections.abc import Collection, Iterator, Sequence

from telemetry.domain.proof.injections import Injection, Summary
from telemetry.entrypoints.process import screen

_NOT_REACHED = "not reached"


def of_each(summaries: Sequence[Summary], kinds: Collection[str]) -> Sequence[Summary]:
    """Add to summaries those of kinds that were asked for and never had their turn."""
    there = {each.kind: each for each in summaries}
    missing = {kind: Summary(kind, 0, 0, 0.0, "", _NOT_REACHED) for kind in kinds if kind not in there}
    return [each for _, each in sorted((there | missing).items())]


def line(number: int, injection: Injection) -> str:
    """Write what became of an injection."""
    return f"{number:>4}  {injection.kind:<32} {_outcome(injection)}"


def _outcome(injection: Injection) -> str:
    if injection.why_not:
        return f"not injected: {injection.why_not}"
    if injection.recovered_s is None:
        return "NOT RECOVERED"
    return f"recovered in {injection.recovered_s:.1f} s"


def show(summaries: Sequence[Summary]) -> None:
    """Print a row for each kind, those that were never injected included."""
    rows = [(each.kind, each.injected, each.recovered, *_details(each)) for each in summaries]
    injected = [each.injected for each in summaries if each.injected]
    missing = len(summaries) - len(injected)
    screen.table(
        f"{screen.counted(sum(injected), 'fault')} of {screen.counted(len(injected), 'kind')}"
        + (f"; {screen.counted(missing, 'kind')} never injected" if missing else ""),
        ("fault", "injected", "recovered", "worst", "what the operator was told"),
        rows,
    )


def _details(summary: Summary) -> Iterator[str]:
    yield f"{summary.worst_s:.1f} s" if summary.recovered else "-"
    yield summary.told or summary.why_not or "-"
