"""The ledger of a run: what is written to its file, and read back from it."""

import json

import numpy as np
import pytest

from telemetry.adapters import ledger
from telemetry.adapters.ledger import Ledger, LedgerError
from telemetry.domain.contract.record import Record
from tests.builders import NOON


def record(timestamp: int, vehicle_id: str = "veh-1") -> Record:
    return Record(timestamp, vehicle_id, "0x1F0", {"battery_soc": 50.0})


@pytest.fixture
def path(tmp_path):
    """The ledger of three bodies: a record of the first was refused, and was sent again in the second."""
    with Ledger(tmp_path / "run.jsonl") as written:
        written.write(NOON + 5000, [record(NOON), record(NOON + 200), record(-1, "veh-2")], {1})
        written.write(NOON + 4000, [record(NOON), record(NOON + 200)], set())
        written.write(NOON + 6000, [record(NOON + 400)], range(1))
    return tmp_path / "run.jsonl"


def test_each_sending_of_each_record_is_a_line(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 6
    assert lines[1] == {
        "sent_at": "2025-10-19T12:00:05.000Z",
        "vehicle_id": "veh-1",
        "can_id": "0x1F0",
        "timestamp": "2025-10-19T12:00:00.200Z",
        "accepted": False,
    }
    assert [line["accepted"] for line in lines] == [True, False, True, True, True, False]


def test_a_ledger_is_read_back_to_what_was_sent_and_since_when(path):
    manifest, since = ledger.read(path)
    assert since == NOON + 4000
    streams = dict(manifest.streams())
    assert streams.keys() == {("veh-1", "0x1F0"), ("veh-2", "0x1F0")}
    np.testing.assert_array_equal(streams["veh-1", "0x1F0"].sent, [NOON, NOON + 200, NOON + 400])
    np.testing.assert_array_equal(streams["veh-1", "0x1F0"].accepted, [NOON, NOON + 200])
    np.testing.assert_array_equal(streams["veh-2", "0x1F0"].accepted, [-1])


def test_a_body_is_in_the_file_as_soon_as_it_is_written(tmp_path):
    with Ledger(tmp_path / "run.jsonl") as written:
        written.write(NOON, [record(NOON)], ())
        assert ledger.read(tmp_path / "run.jsonl")[1] == NOON


def test_a_last_line_that_breaks_off_does_not_count(path):
    path.write_bytes(path.read_bytes()[:-3])
    manifest, _ = ledger.read(path)
    assert dict(manifest.streams())["veh-1", "0x1F0"].sent.size == 2


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "nothing was sent"), (b"{}\n", "no ledger"), (b"\xff\n", "no ledger")]
)
def test_a_file_that_is_no_ledger_is_named(tmp_path, content, why):
    (tmp_path / "run.jsonl").write_bytes(content)
    with pytest.raises(LedgerError, match=rf"run\.jsonl: .*{why}"):
        ledger.read(tmp_path / "run.jsonl")


def test_a_ledger_that_is_not_there_or_cannot_be_written_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run\.jsonl"):
        ledger.read(tmp_path / "run.jsonl")
    with pytest.raises(FileNotFoundError, match=r"run\.jsonl"):
        Ledger(tmp_path / "none" / "run.jsonl")
