"""What a reader requires of an hour before it starts, and whether the hour is like that."""

import re
from typing import Final, Literal

import msgspec

from telemetry.domain.figures.report import Line

_GAPS: Final = re.compile(r"gaps\s*<\s*(\d{1,3}(?:\.\d{1,6})?)\s*%")

Outcome = Literal["met", "wait", "never"]


class Requirement(msgspec.Struct, frozen=True):
    """That an hour is complete, and, if a share is given, that less than that of its records is missing."""

    most_missing: float | None = None

    def outcome(self, line: Line | None) -> tuple[Outcome, str]:
        """Say whether an hour meets it, may do so later, or has to change for it; and why."""
        if line is None:
            return "wait", "there are no figures of it"
        if line.state != "complete":
            return "wait", f"it is {line.state}: {line.reason}"
        if self.most_missing is not None and not line.is_measured:
            return "never", "it is complete, and was not measured before some of its objects were removed"
        if self.most_missing is not None and line.missing_share >= self.most_missing:
            lost = f"{line.missing_share:.2%} of the expected records are missing"
            return "never", f"it is complete, and {lost}, with {line.absent} vehicles absent"
        return "met", f"it is complete since {line.since}, revision {line.revision}"


def parse(text: str) -> Requirement:
    """Read `complete` or `gaps<1%`. Raise ValueError if it is neither."""
    if text.strip() == "complete":
        return Requirement()
    match = _GAPS.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text[:60]!r} is neither complete nor a bound like gaps<1%")
    return Requirement(float(match[1]) / 100)
