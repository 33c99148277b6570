"""`telemetry estimate` prints a month unpacked, packed, and as measured."""

from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli

LINE = '{"event": "Batch processed", "size": 1000, "messages": 4, "objects": 2, "bytes": 250000}\n'


pytestmark = pytest.mark.usefixtures("elsewhere")


def rows(output: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    return {name: figures for name, *figures in cells}


def test_the_plain_design_costs_two_orders_of_magnitude_more_on_sqs(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["estimate", "--vehicles", "10000", "--rate-hz", "5"]) == 0
    said = capsys.readouterr().out
    found = rows(said)
    assert found["SQS sends"][0] == "12,960,000,000"
    assert found["$ SQS requests"][0] == "15,552"
    assert dollars(found["$ SQS requests"][1]) * 100 <= 15_552
    assert "https://aws.amazon.com/sqs/pricing/" in said
    assert "Left out: computers and load balancers, traffic and NAT" in said


def dollars(text: str) -> float:
    return float(text.replace(",", ""))


def test_dollars_of_each_column_add_up(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["estimate", "--vehicles", "100", "--receivers", "2", "--consumers", "2"]) == 0
    found = rows(capsys.readouterr().out)
    parts = ("SQS requests", "S3 puts and lists", "S3 gets", "S3 storage", "lifecycle transitions")
    for column in (0, 1, 2):
        total = sum(dollars(found[f"$ {part}"][column]) for part in parts)
        assert total == pytest.approx(dollars(found["$ together"][column]), abs=3)  # each is rounded


def test_a_terabyte_costs_about_23_dollars_a_month_and_about_5_in_the_lifecycle(
    capsys: pytest.CaptureFixture[str],
):
    assert cli.main(["estimate"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["$ a month, days 0 to 30: Standard"][-1] == "23.55"
    assert dollars(found["$ a month, from day 90 on: Glacier; compacted: its Instant Retrieval"][-1]) < 4
    assert dollars(found["$ a month, mean of three years, with moving"][-1]) == pytest.approx(5, abs=0.1)
    compacted = dollars(found["$ a month, mean of three years, with moving"][-2])
    assert compacted < 0.2
    small = dollars(found["$ a month, mean of three years, with moving"][0])
    assert small > 23.55  # as objects of 100 records cost more to move than they save


def test_a_month_is_shown_as_lines_that_stay_in_the_lifecycle_and_compacted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    given = ["estimate", "--vehicles", "10000", "--rate-hz", "5", "--per-post", "10"]
    assert cli.main(given) == 0
    found = rows(capsys.readouterr().out)
    kept, moved, compacted = (
        dollars(found["$ S3 storage, if all lines stay in Standard"][1]),
        dollars(found["$ S3 storage"][1]),
        dollars(found["$ S3 storage"][2]),
    )
    assert kept > 3 * moved > 30 * compacted
    assert dollars(found["$ together"][2]) < dollars(found["$ together"][1]) / 5
    monkeypatch.setenv("COMPACT_RAW_RETENTION", str(30 * 24 * 3600))
    assert cli.main(given) == 0
    assert dollars(rows(capsys.readouterr().out)["$ S3 storage"][2]) > 3 * compacted


def test_settings_steer_the_estimate_and_bodies_of_many_records_do_not_change_the_bytes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    found = []
    for name, value in (("BATCH_SIZE", "100"), ("BATCH_SIZE", "10000"), ("RAW_FORMAT", "jsonl.zst")):
        monkeypatch.setenv(name, value)
        assert cli.main(["estimate", "--vehicles", "200", "--per-post", "10"]) == 0
        found.append(rows(capsys.readouterr().out))
    few, many, compressed = (
        {name: dollars(cells[1]) for name, cells in each.items() if name.startswith(("S3 puts", "GB"))}
        for each in found
    )
    assert many["S3 puts of records"] < few["S3 puts of records"] / 5
    assert many["GB stored of a year, as lines"] == few["GB stored of a year, as lines"]
    assert compressed["GB stored of a year, as lines"] < few["GB stored of a year, as lines"] / 10


@pytest.mark.parametrize("arguments", [["--measured"], ["--measured", "data/log/consumer.log"]])
def test_a_run_is_read_from_the_log_of_its_consumer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
):
    log = tmp_path / "data" / "log" / "consumer.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"other\n{LINE}{LINE}" + '{"event": "Started"}\n')
    assert cli.main(["estimate", *arguments]) == 0
    found = rows(capsys.readouterr().out)
    assert found["records a queue message"][2] == "250"
    assert found["records an object"][2] == "500"


def test_a_log_that_names_no_batch_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "log"
    log.write_text("nothing\n")
    assert cli.main(["estimate", "--measured", str(log)]) == 1
    assert capsys.readouterr().err.startswith("telemetry estimate: LOG_FORMAT: ")
