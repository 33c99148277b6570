"""All benchmarks of `make bench`, one after the other, with all answers at the end; about seven minutes."""

import json
import subprocess
import sys
from typing import Final

from benchmarks import report

_QUESTIONS: Final = (
    ("per_record",),
    ("start",),
    ("throughput",),
    ("latency",),
    ("growth",),
    ("memory", "--seconds=60"),
    ("aggregation", "--records=500000", "--vehicles=200"),
    ("look",),
    ("peer",),
)
_ANSWER: Final = "bench:"


def main() -> int:
    chosen = report.arguments(__doc__)
    answers: list[str] = []
    failed: list[str] = []
    for question, *options in _QUESTIONS:
        print(f"== {question} {' '.join(options)}", file=sys.stderr, flush=True)
        asked = subprocess.run(  # noqa: S603  # a script beside this one
            [sys.executable, "-m", f"benchmarks.{question}", *options],
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not chosen.json:
            print(asked.stdout, end="", flush=True)
        answers += [line for line in asked.stdout.splitlines() if line.startswith(_ANSWER)]
        failed += [question] * (asked.returncode != 0)
    print(json.dumps([_fields(line) for line in answers]) if chosen.json else "\n".join(["", *answers]))
    for question in failed:
        print(f"{question} failed", file=sys.stderr)
    return int(bool(failed))


def _fields(line: str) -> dict[str, str]:
    """Parse an answer, which is a list of `name=value`."""
    return dict(field.split("=", 1) for field in line.removeprefix(_ANSWER).split())


if __name__ == "__main__":
    sys.exit(main())
