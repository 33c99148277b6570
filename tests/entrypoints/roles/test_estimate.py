"""`telemetry estimate` prints a month unpacked, packed, and as measured."""

from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli

LINE = '{"event": "Batch processed", "size": 1000, "messages": 4, "objects": 2, "bytes": 250000}\n'


pytestmark = pytest.mark.usefixtures("elsewhere")


def rows(output: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    return {name: figures for name, *figures in cells}


def test_the_fleet_of_the_issue_costs_what_it_is_known_to(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["estimate", "--vehicles", "10000", "--rate-hz", "5"]) == 0
    said = capsys.readouterr().out
    found = rows(said)
    assert found["SQS requests"][0] == "38,880,000,000"
    assert found["$ SQS requests"][0] == "15,552"
    assert int(found["$ SQS requests"][1].replace(",", "")) * 100 <= 15_552
    assert "https://aws.amazon.com/sqs/pricing/" in said


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
