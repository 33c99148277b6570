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


@pytest.mark.parametrize(
    "breaking", ["\n", "\r", "\r\n", "\x1b[2K", "\x00", "\x85", "\u2028", "\u202e", "\ud800"]
)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_from_outside_breaks_a_line(capsys, log_format, breaking):
    logger = log.configure(Settings(log_format=log_format), "Receiver")
    logger.warning("Requests refused", key=f"a{breaking}2026-01-01 00:00:00 ERROR [Consumer] Forged")
    logging.getLogger("uvicorn.error").warning("Listening on %s", f"a{breaking}b")
    said = capsys.readouterr().err
    assert len(said.splitlines()) == said.count("\n") == 2
    assert breaking.strip("\n") not in said or breaking == "\n"


def test_a_trace_cannot_be_taken_for_an_event(capsys):
    logger = log.configure(Settings(), "Receiver")
    logger.error("Request failed", exc_info=ValueError("x\n2026-01-01 00:00:00 ERROR [Consumer] Forged\r"))
    first, *trace = capsys.readouterr().err.splitlines()
    assert first.endswith("Request failed")
    assert all(line.startswith("    ") for line in trace)


def test_an_event_whose_text_has_a_fact_inside_has_it_beside_its_name_in_json(capsys):
    log.configure(Settings(), "Consumer").info("Deleted", messages=87, refused=1)
    log.configure(Settings(), "Consumer").info("Received", messages=1)
    text = capsys.readouterr().err
    assert "Deleted 87 messages: refused=1\n" in text
    assert text.endswith("Received 1 message\n")
    log.configure(Settings(log_format="json"), "Consumer").info("Received", messages=87)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["messages"]) == ("Received", 87)


def test_what_an_adapter_logs_is_parted_into_its_name_and_its_detail(capsys):
    adapter = logging.getLogger("telemetry.adapters.queue")
    log.configure(Settings(), "Consumer")
    adapter.warning("New dead letters: %d, each on lease %d times", 2, 10)
    assert capsys.readouterr().err.endswith("New dead letters: 2, each on lease 10 times\n")
    log.configure(Settings(log_format="json"), "Consumer")
    adapter.warning("New dead letters: %d, each on lease %d times", 2, 10)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["detail"]) == ("New dead letters", "2, each on lease 10 times")
    adapter.warning("No colon here")
    assert json.loads(capsys.readouterr().err)["event"] == "No colon here"
