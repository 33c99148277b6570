"""The tallies of a process, made of what it shows to Prometheus."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, get_args

from telemetry.adapters.metrics.meters import Sample
from telemetry.domain.watch.lately import Role, Tallies

_FAILED: Final = "5"  # the first digit of the statuses of requests that failed
_ROLES: Final[tuple[Role, ...]] = get_args(Role)


def of(samples: Iterable[Sample], at_ms: int) -> tuple[Role | None, Tallies]:
    """Add up the values that one process shows at a moment; return them with its role, if it names one."""
    sums: defaultdict[str, float] = defaultdict(float)
    buckets: defaultdict[str, dict[float, float]] = defaultdict(dict)
    role: Role | None = None
    for name, labels, value in samples:
        if name == "telemetry_build_info":
            role = next((each for each in _ROLES if each == labels["role"]), None)
        elif name == "telemetry_latency_seconds_bucket":
            buckets[labels["stage"]][float(labels["le"])] = value
        else:
            sums[name] += value
            for label in labels.values():
                sums[f"{name} {label}"] += value
                sums[f"{name} {label[0]}"] += value * (len(label) > 1)
    return role, Tallies(
        at_ms=at_ms,
        stored=round(sums["telemetry_stored_records_total"]),
        skewed=round(sums["telemetry_stored_records_total skewed"]),
        messages=round(sums["telemetry_stored_messages_total"]),
        objects=round(sums["telemetry_stored_objects_total"]),
        size=round(sums["telemetry_stored_bytes_total"]),
        accepted=round(sums["telemetry_ingest_records_total accepted"]),
        rejected=round(sums["telemetry_ingest_records_total rejected"]),
        posts=round(sums["telemetry_ingest_requests_total"]),
        failed_posts=round(sums[f"telemetry_ingest_requests_total {_FAILED}"]),
        stages={stage: _apart(by_bound) for stage, by_bound in buckets.items()},
        looked_ms=round(sums["telemetry_looked_timestamp_seconds"] * 1000),
        longest_build_s=sums["telemetry_longest_build_seconds"],
    )


def _apart(by_bound: dict[float, float]) -> list[int]:
    """Return how many lie between a bound and the one before: what is shown counts all below."""
    below = [0.0, *(by_bound[bound] for bound in sorted(by_bound))]
    return [round(high - low) for low, high in pairwise(below)]
