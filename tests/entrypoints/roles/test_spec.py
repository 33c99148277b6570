"""The committed specification is that of the receiver as it is."""

from pathlib import Path

from telemetry.entrypoints.roles import spec

COMMITTED = Path(__file__).parents[3] / "docs" / "api-spec.yaml"


def test_the_specification_is_current():
    assert COMMITTED.read_text() == spec.render(), "it has changed: run make spec"
