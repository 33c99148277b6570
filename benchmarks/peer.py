"""How many records a second come from POST to file, compared with a peer in the same run.

Run by `make bench`, where the peer is FastAPI. Any other program that takes JSON by HTTP and writes lines to
files is measured by `python -m benchmarks.peer --peer-url http://127.0.0.1:9880 --peer-output FOLDER`. The
time of a rate ends when the last accepted record is stored.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import report
from benchmarks.pipeline import pipeline, run_load
from harness.roles import OURS

_SQS_BATCH: Final = 10
_ONE_BATCH: Final = 1000  # messages: all of a POST in one transaction, which no queue on AWS does
_GOALS: Final = {500: 20, 1: 3}
_CONNECTIONS: Final = {500: 8, 1: 64}
_FASTAPI: Final = {
    "receiver": ("uvicorn", "benchmarks.peers.fastapi_app:app", "--no-access-log", "--log-level", "warning"),
    "consumer": ("benchmarks.peers.json_consumer",),
}
_SETTLED_S: Final = 2.0  # without a new line, after which a peer counts as done


def beside_fastapi(records: int, batch: int, duration_s: float) -> Mapping[str, Any]:
    """Load both with arrays of `records` records; the peer sends and receives `batch` messages at a time."""
    rates = {}
    for name, commands in (("ours", OURS), ("peer", _FASTAPI)):
        with pipeline(commands=commands, PEER_BATCH=str(batch)) as running:
            before = sum(running.cpu().values())
            sent = running.load(
                records=records, connections=_CONNECTIONS[records], seconds=duration_s, form="array"
            )
            settled_s = running.settle(sent["accepted"])
            rates[f"{name}_records_per_s"] = sent["accepted"] / (sent["seconds"] + settled_s)
            rates[f"{name}_cpu_us"] = (sum(running.cpu().values()) - before) / sent["accepted"] * 1e6
    ratio = rates["ours_records_per_s"] / rates["peer_records_per_s"]
    return {
        "name": f"fastapi_{records}",
        "peer_batch": batch,
        **{name: round(rate, 1) for name, rate in rates.items()},
        "ratio": round(ratio, 1),
        "goal_ratio": _GOALS[records] if batch == _SQS_BATCH else None,
    }


def foreign(url: str, output: Path, records: int, duration_s: float) -> Mapping[str, Any]:
    """Load the program that listens at `url` and writes below `output`."""
    before = _lines(output)
    started_s = time.monotonic()
    sent = run_load(
        url, os.environ, records=records, connections=_CONNECTIONS[records], seconds=duration_s, form="array"
    )
    at_end = _lines(output) - before
    stored, changed_s = at_end, time.monotonic()
    while time.monotonic() - changed_s < _SETTLED_S:
        time.sleep(0.1)
        if (found := _lines(output) - before) != stored:
            stored, changed_s = found, time.monotonic()
    return {
        "name": f"peer_{records}",
        "accepted_per_s": round(sent["accepted"] / sent["seconds"]),
        "stored_per_s": round(stored / (changed_s - started_s)),
        "stored_at_end": round(at_end / sent["accepted"], 3),
        "missing": sent["accepted"] - stored,
    }


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*") if path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--seconds", type=float, default=10, help="a load (default: %(default)s)")
    parser.add_argument("--peer-url", help="where another program takes JSON arrays")
    parser.add_argument("--peer-output", type=Path, help="the folder below which it writes lines")
    chosen = parser.parse_args()
    if bool(chosen.peer_url) != bool(chosen.peer_output):
        parser.error("--peer-url and --peer-output go together")
    if chosen.peer_url:
        return report.show(
            [foreign(chosen.peer_url, chosen.peer_output, records, chosen.seconds) for records in _GOALS],
            chosen,
        )
    runs = [(records, _SQS_BATCH) for records in _GOALS] + [(max(_GOALS), _ONE_BATCH)]
    return report.show([beside_fastapi(*each, chosen.seconds) for each in runs], chosen)


if __name__ == "__main__":
    sys.exit(main())
