"""A fleet to which things happen: what comes of it is what its ledger says."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from harness.pipeline import Pipeline, proof
from harness.roles import wait_until
from telemetry.domain.contract.moment import epoch_ms
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from tests.builders import identity

ALL = ["--offline", "--clock-skew", "--duplicates", "--reorder"]


@pytest.fixture
def whole(pipeline: Pipeline) -> Pipeline:
    for role in ("receiver", "consumer", "aggregator"):
        pipeline.start(role)
    return pipeline


def finish(pipeline: Pipeline, *command: str) -> str:
    process = pipeline.begin(*command)
    output, complaints = process.communicate(timeout=120)
    assert (process.returncode, complaints) == (0, ""), output
    return output


def ledger(path: Path) -> tuple[int, dict[tuple[str, str, int], Record]]:
    """Count the lines of a ledger, and gather its unique records that were accepted."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    records = [
        Record(ms(line["timestamp"]), line["vehicle_id"], line["can_id"], {}, ms(line["sent_at"]))
        for line in lines
        if line["accepted"]
    ]
    return len(lines), {identity(record): record for record in records}


def ms(text: str) -> int:
    return epoch_ms(datetime.fromisoformat(text))


def counted(pipeline: Pipeline) -> int:
    """Add up the records of all vehicles in all hours."""
    files = pipeline.data.glob("aggregated/**/*.json")
    hours = [json.loads(file.read_text())["vehicles"] for file in files]
    return sum(figures["count"] for vehicles in hours for figures in vehicles.values())


def test_whatever_happens_to_a_fleet_its_hours_hold_each_believable_record_once(whole: Pipeline):
    fleet = ["simulator", "--vehicles", "60", "--duration", "6", "--url", whole.url]
    output = finish(whole, *fleet, *ALL, "--ledger", "run.jsonl")
    sent, accepted = ledger(whole.logs / "run.jsonl")
    copies = sent - 1800
    assert output == (
        f"sent 1800 records, 1800 accepted, 0 rejected ({sent} posted, {copies} of them copies)\n"
    )
    assert len(accepted) == 60 * 30 < sent

    proved = proof(finish(whole, "prove", "--ledger", "run.jsonl"))
    assert (proved["sent"], proved["accepted"], proved["unique"], proved["lost"]) == (1800, 1800, 1800, 0)
    assert proved["pending"] == 0
    assert proved["stored"] >= sent  # a retry may add to the duplicates

    believed = sum(PartitionPolicy().place(record).tree == "raw" for record in accepted.values())
    assert 0 < believed < 1800
    wait_until(lambda: counted(whole) == believed, "the figures of all records that can be believed")


@pytest.mark.parametrize("mishap", [*ALL, "--corrupt"])
def test_the_proof_is_exact_under_each_mishap(whole: Pipeline, mishap: str):
    load = ["load-test", "--messages", "2000", "--rate", "max", "--url", whole.url, mishap, "0.4"]
    output = finish(whole, *load, "--ledger", "run.jsonl")
    sent, accepted = ledger(whole.logs / "run.jsonl")
    proved = proof(output)
    assert proved["sent"] == 2000
    assert proved["accepted"] == proved["unique"] == len(accepted)
    assert proved["lost"] == 0
    again = proof(finish(whole, "prove", "--ledger", "run.jsonl"))
    counts = ("sent", "accepted", "unique", "lost")
    assert [again[name] for name in counts] == [proved[name] for name in counts]
    assert (sent > 2000) == (mishap == "--duplicates")
    assert (len(accepted) < 2000) == (mishap == "--corrupt")


def test_what_is_damaged_on_purpose_is_rejected_and_fails_nothing(whole: Pipeline):
    fleet = ["simulator", "--vehicles", "50", "--duration", "2", "--url", whole.url]
    output = finish(whole, *fleet, "--corrupt", "0.5", "--ledger", "run.jsonl")
    sent, accepted = ledger(whole.logs / "run.jsonl")
    damaged = sent - len(accepted)
    assert 0 < damaged < sent == 500
    assert output == (
        f"sent 500 records, {len(accepted)} accepted, {damaged} rejected, {damaged} were damaged on purpose\n"
    )
