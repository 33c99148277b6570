"""Nothing is traced, or even imported, unless it is asked for."""

import subprocess
import sys

import pytest

from telemetry.entrypoints.process.extras import MissingExtraError
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import tracing

ROLES = """
import sys
import telemetry.entrypoints.roles.receiver, telemetry.entrypoints.roles.consumer
print(any(each.startswith("opentelemetry.sdk") for each in sys.modules))
"""


def test_what_is_not_asked_for_is_not_imported():
    assert tracing.make("consumer", Settings()) is None
    with tracing.handed_over(None):
        pass
    done = subprocess.run([sys.executable, "-c", ROLES], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_what_is_asked_for_and_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "telemetry.adapters.traces", None)
    with pytest.raises(MissingExtraError, match="otel"):
        tracing.make("consumer", Settings(traces="otlp"))


def test_the_last_spans_are_handed_over_at_the_end():
    made = tracing.make("consumer", Settings(traces="otlp"))
    assert made
    with tracing.handed_over(made):
        pass
