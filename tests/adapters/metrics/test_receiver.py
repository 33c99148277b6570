"""Counters of one process, and of several that serve together."""

import os
import subprocess
import sys
from pathlib import Path

from telemetry.adapters.metrics.receiver import ReceiverMetrics

COUNT = """
from pathlib import Path
from telemetry.adapters.metrics.receiver import ReceiverMetrics
metrics = ReceiverMetrics("1.2.3", Path(), lambda: 0)
metrics.taken(3, 1, 0.02)
metrics.answered(202)
print(metrics.render().decode())
"""


def test_counters_start_apart_from_those_of_another_receiver():
    one, other = ReceiverMetrics("1.2.3", Path(), lambda: 0), ReceiverMetrics("1.2.3", Path(), lambda: 0)
    one.taken(accepted=3, rejected=1, duration_s=0.02)
    one.answered(202)
    assert b'telemetry_ingest_records_total{outcome="accepted"} 3.0' in one.render()
    assert b'telemetry_ingest_requests_total{status="202"} 1.0' in one.render()
    assert b'telemetry_ingest_records_total{outcome="accepted"} 0.0' in other.render()


def test_sibling_processes_are_counted_together(tmp_path: Path):
    def count() -> str:
        environment = os.environ | {
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "PYTHONPATH": ":".join(sys.path),
        }
        return subprocess.run(
            [sys.executable, "-c", COUNT], env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert 'telemetry_ingest_records_total{outcome="accepted"} 3.0' in count()
    assert 'telemetry_ingest_records_total{outcome="accepted"} 6.0' in count()
