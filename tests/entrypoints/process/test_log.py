"""One line an event, for people or for machines."""

import json
import logging

import pytest

from telemetry.entrypoints.process import log
from telemetry.entrypoints.process.settings import Settings

pytestmark = pytest.mark.usefixtures("restored_logging")


def test_text_is_the_line_that_operators_know(capsys: pytest.CaptureFixture[str]):
    logger = log.configure(Settings(), "Consumer")
    logger.info("Batch processed", size=100, e2e_latency_p95=3.2, latency={"queue": {"p50": 1}})
    line = capsys.readouterr().err
    assert line[20:] == "INFO [Consumer] Batch processed: size=100, e2e_latency_p95=3.20s\n"
    assert line[4] == line[7] == "-"


def test_text_without_values_ends_with_the_event(capsys: pytest.CaptureFixture[str]):
    log.configure(Settings(), "Consumer").info("Started")
    assert capsys.readouterr().err.endswith(" INFO [Consumer] Started\n")


def test_json_keeps_what_has_an_inside(capsys: pytest.CaptureFixture[str]):
    log.configure(Settings(log_format="json"), "Consumer").info(
        "Batch processed", latency={"queue": {"p50": 1}}
    )
    event = json.loads(capsys.readouterr().err)
    assert event["latency"] == {"queue": {"p50": 1}}
    assert (event["role"], event["level"], event["event"]) == ("Consumer", "info", "Batch processed")
    assert event["time"].endswith("Z")


def test_what_libraries_log_looks_the_same(capsys: pytest.CaptureFixture[str]):
    log.configure(Settings(), "Receiver")
    logging.getLogger("uvicorn.error").warning("Listening on %s", "port 1")
    assert capsys.readouterr().err.endswith(" WARNING [Receiver] Listening on port 1\n")


def test_below_the_level_nothing_is_logged(capsys: pytest.CaptureFixture[str]):
    log.configure(Settings(log_level="ERROR"), "Consumer").info("Batch processed")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_exception_comes_with_its_trace(capsys: pytest.CaptureFixture[str], log_format):
    logger = log.configure(Settings(log_format=log_format), "Receiver")
    logger.error("Request failed", exc_info=ValueError("the cause"))
    assert "ValueError: the cause" in capsys.readouterr().err
