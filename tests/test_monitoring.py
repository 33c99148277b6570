"""Rules, dashboard and page name metrics that there are, and each alert fires when it should."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry.adapters.metrics import table
from telemetry.entrypoints.process import cli

ROOT = Path(__file__).parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES: dict[str, Any] = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())
ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL_RULES if "alert" in rule}
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "telemetry.json").read_text())
PAGE = (ROOT / "docs" / "metrics.md").read_text()
SECTIONS = dict(
    re.findall(
        r"^### (Telemetry\w+)\n\n(.*?)(?=\n##)",
        (ROOT / "docs" / "operations.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)

NOT_OURS = {"process_resident_memory_bytes", "up"}


def series() -> set[str]:
    """Return the names under which the metrics of the table are queried."""
    return {
        metric.shown + ending
        for metric in table.TABLE
        for ending in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",))
    }


def named(expression: str) -> set[str]:
    """Return the names of series in an expression of PromQL; those with a colon are recorded by a rule."""
    return set(re.findall(r"\b(?:telemetry|process)_\w+|telemetry:[\w:]+|\bup\b", expression))


@pytest.mark.parametrize("command", [("rules", "rules.yml"), ("config", "prometheus.yml")])
def test_promtool_finds_no_fault(command: tuple[str, str]):
    assert run("check", command[0], str(PROMETHEUS / command[1])) == 0


def test_each_alert_fires_when_it_should_and_not_before():
    assert run("test", "rules", str(PROMETHEUS / "rules_test.yml")) == 0
    tested = yaml.safe_load((PROMETHEUS / "rules_test.yml").read_text())["tests"]
    assert {case["alertname"] for test in tested for case in test["alert_rule_test"]} == ALERTS.keys()


def run(*arguments: str) -> int:
    if not (promtool := shutil.which("promtool")):
        pytest.skip("promtool is not installed")
    return subprocess.run([promtool, *arguments], capture_output=True, check=False).returncode


def test_each_rule_names_metrics_of_the_table_or_what_another_rule_records():
    recorded = {rule["record"] for rule in ALL_RULES if "record" in rule}
    for rule in ALL_RULES:
        assert named(rule["expr"]) <= series() | recorded | NOT_OURS, rule
        assert named(rule["expr"])


def test_each_panel_names_metrics_of_the_table():
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            assert named(target["expr"]) <= series() | NOT_OURS, panel["title"]
            assert named(target["expr"])


@pytest.mark.parametrize("alert", ALERTS.values(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_run(alert: dict[str, Any]):
    notes = alert["annotations"]
    assert notes["summary"].endswith(".")
    assert alert["labels"]["severity"] in {"warning", "critical"}
    for command in notes["command"].split("; "):
        program, *words = command.split()
        assert program in {"telemetry", "curl", "df", "journalctl"}
        assert program != "telemetry" or words[0] in cli.ROLES


@pytest.mark.parametrize("metric", table.TABLE, ids=lambda metric: metric.name)
def test_the_page_has_a_row_for_each_metric(metric: table.Metric):
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    row = f"| `{metric.shown}` | {metric.kind} | {metric.unit} | {labels} | {', '.join(metric.roles)} | {metric.meaning} |"
    assert row in PAGE.splitlines()


def test_the_page_has_a_row_for_each_alert_and_no_others():
    assert set(re.findall(r"^\| `(Telemetry\w+)` \|", PAGE, re.MULTILINE)) == ALERTS.keys()


def test_operations_has_a_section_for_each_alert_and_no_others():
    assert SECTIONS.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_the_section_of_an_alert_has_the_commands_that_the_alert_names(name: str):
    section = " ".join(SECTIONS[name].split())
    for command in ALERTS[name]["annotations"]["command"].split("; "):
        assert f"`{command}`" in section
