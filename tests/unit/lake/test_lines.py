"""Compacted records as lines: whole, part by part, and damaged."""

import pytest

from telemetry.domain.contract import compression
from telemetry.domain.contract.record import Record
from telemetry.domain.lake.lines import LinesForm
from telemetry.domain.store.objects import DamagedObjectError
from tests.builders import HOUR, a_record, some_records
from tests.lake import columns_of, records_of

FORM = LinesForm()
PARTS = [some_records(3, vehicle_id="a"), [a_record(vehicle_id="b", payload={"x": 0.1 + 0.2})]]


def written() -> bytes:
    writer = FORM.writer(HOUR)
    for part in PARTS:
        writer.add(columns_of(part))
    data = writer.close()
    assert writer.size == len(data)
    return data


def read(data: bytes, only: int | None = None) -> list[Record]:
    return [record for part in FORM.read("key", data, HOUR, only) for record in records_of(part)]


def test_records_come_back_whole_and_part_by_part():
    data = written()
    assert read(data) == [*PARTS[0], *PARTS[1]]
    assert [read(data, only) for only in range(2)] == PARTS


def test_records_of_different_length_come_back_in_the_order_of_their_identities():
    streams = [(vehicle_id, can_id) for vehicle_id in ("a", "b") for can_id in ("0x1F0", "0x2")]
    records = [a_record(vehicle_id=vehicle_id, can_id=can_id) for vehicle_id, can_id in streams]
    writer = FORM.writer(HOUR)
    writer.add(columns_of(records))
    assert read(writer.close()) == records


def test_each_part_is_a_frame_of_its_own():
    frames = list(compression.frames(written()))
    assert b"".join(frames) == written()
    assert len(frames) == 2


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_an_object_that_breaks_off_is_damaged(cut: int):
    with pytest.raises(DamagedObjectError, match="key is damaged"):
        read(written()[:-cut])


def test_bytes_that_are_no_frames_are_damaged():
    with pytest.raises(DamagedObjectError, match="key is damaged"):
        read(b"no frame at all, and long enough to be one")


def test_a_line_that_is_no_record_is_damage():
    with pytest.raises(DamagedObjectError, match="line 1"):
        read(compression.compress(b"{}\n"))
