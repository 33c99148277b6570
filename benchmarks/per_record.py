"""The cost of a record at each step between the body of a POST and its line in the store, without any I/O.

Run by `make bench`. Each step works on bodies of 500 records. The figure is the best of several rounds, in
microseconds per record on one core.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from timeit import repeat
from typing import Final

from benchmarks import data
from telemetry.domain.contract import codec, parse
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.figures.rollup import Rollup
from telemetry.domain.transport import envelope
from telemetry.domain.transport.parcel import Parcel

_BODY: Final = 500
_ROUNDS: Final = 7
_PER_ROUND: Final = 20


def steps() -> Mapping[str, Callable[[], object]]:
    """Return the steps by name; each works on the result of the one before."""
    records = data.records(_BODY)
    policy = PartitionPolicy()
    lines = codec.encode_request(records)
    array = b"[" + b",".join(lines.splitlines()) + b"]"
    partition = policy.place(records[0])
    parcel = Parcel.of(partition, records)
    body = envelope.encode([parcel])

    def roll_up() -> object:
        rollup = Rollup(partition.hour)
        rollup.add(parcel.lines)
        return rollup.figures()

    return {
        "parse a JSON array": lambda: parse.parse_json(array, data.START_MS),
        "parse lines": lambda: parse.parse_lines(lines, data.START_MS),
        "place": lambda: [policy.place(record) for record in records],
        "wrap (encode)": lambda: Parcel.of(partition, records),
        "seal": lambda: envelope.encode([parcel]),
        "unpack": lambda: envelope.decode(body, data.START_MS, policy),
        "fold into an hour": roll_up,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    chosen = parser.parse_args()
    figures = {
        name: min(repeat(step, number=_PER_ROUND, repeat=_ROUNDS)) / _PER_ROUND / _BODY * 1e6
        for name, step in steps().items()
    }
    if chosen.json:
        print(json.dumps(figures))
        return 0
    for name, microseconds in figures.items():
        print(f"{name:<20} {microseconds:6.2f} us/record")
    # A body is either an array or lines, and an hour is rolled up once for many bodies.
    total_us = sum(
        microseconds
        for name, microseconds in figures.items()
        if name not in ("parse lines", "fold into an hour")
    )
    print(f"bench: name=per_record road_us={total_us:.2f} fold_us={figures['fold into an hour']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
