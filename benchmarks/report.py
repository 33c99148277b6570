"""The command line of a benchmark, and its answers: one line each, or JSON."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any


def arguments(description: str | None, **defaults: float | str) -> argparse.Namespace:
    """Parse the command line: `--json`, and an option for each of `defaults`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help="(default: %(default)s)")
    return parser.parse_args()


def show(answers: Sequence[Mapping[str, Any]], chosen: argparse.Namespace) -> int:
    """Print the answers. Return the exit status, which is 1 if a record was lost."""
    if chosen.json:
        print(json.dumps(answers))
    else:
        for answer in answers:
            print("bench:", *(f"{name}={value}" for name, value in answer.items()), flush=True)
    return int(any(answer.get("lost", 0) for answer in answers))
