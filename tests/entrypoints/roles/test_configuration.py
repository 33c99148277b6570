"""The committed pages about the settings are those of the settings as they are."""

import re
from pathlib import Path

import msgspec
import pytest

from telemetry.entrypoints.process.guide import GUIDES
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.roles import configuration

ROOT = Path(__file__).parents[3]
ROWS = {
    cells[0].strip("`"): cells
    for line in configuration.page().splitlines()
    if line.startswith("| `")
    for cells in [line.strip("| ").split(" | ")]
}


def test_the_page_of_settings_is_current():
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration.page(), "run make configuration"


def test_the_example_of_settings_is_current():
    assert (ROOT / ".env.example").read_text() == configuration.example(), "run make configuration"


def test_every_setting_has_one_row_and_no_other_is_there():
    rows = re.findall(r"^\| `(\w+)`", configuration.page(), re.MULTILINE)
    assert sorted(rows) == sorted(field.name.upper() for field in msgspec.structs.fields(Settings))


@pytest.mark.parametrize(
    ("name", "takes", "default"),
    [
        ("LOG_FORMAT", "`text`, `json`", "`text`"),
        ("DATA_DIR", "path", "`data`"),
        ("S3_BUCKET", "text", ""),
        ("SQS_RECEIVERS", "whole number, 1 to 64", "`32`"),
        ("BATCH_TIMEOUT", "seconds, above 0", "`2`"),
        ("COMPACT_GRACE", "seconds, 60 or more", "`3600` (1 h)"),
        ("SKEW_MAX_PAST", "seconds, 0 or more", "`604800` (7 days)"),
        ("QUEUE_MAX_BYTES", "bytes, 1 or more", "`10000000000` (10 GB)"),
        ("INGEST_RATE", "records/s, 0 or more", "`0`"),
        ("AGGREGATE_PROCESSES", "whole number, 1 to 1000", ""),
    ],
)
def test_a_row_says_what_a_setting_takes_with_its_bounds_and_its_default(name, takes, default):
    assert [cell.strip() for cell in ROWS[name][1:3]] == [takes, default]


def test_a_row_names_the_commands_that_read_a_setting_or_those_that_do_not():
    assert ROWS["BATCH_SIZE"][4] == "consumer, triggers, demo, up, estimate"
    others = ROWS["LOG_LEVEL"][4].removeprefix("all but ").split(", ")
    assert others == [
        role for role, guide in GUIDES.items() if guide.settings and "LOG_LEVEL" not in guide.settings
    ]
