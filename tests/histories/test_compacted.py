"""What must hold of compacted hours, by hand: the model follows manifests by itself."""

import msgspec
import pytest

from harness.histories.compacted import Lake
from harness.histories.options import HOUR_MS

AT = "2025-10-19T12:34:56.123Z"
FOLDER = "year=2025/month=10/day=19/hour=12"
HOUR = 1_760_877_296_123 // HOUR_MS
RAW = f"raw/{FOLDER}/a.jsonl"
RECORDS, COPIES, SUMS = (f"compacted/{FOLDER}/{name}" for name in ("records-1", "_copies-1", "_sums-1"))
MANIFEST = f"compacted/{FOLDER}/_manifest-000001.json"


def a_line(received: str = AT) -> bytes:
    line = {
        "timestamp": AT,
        "vehicle_id": "a",
        "can_id": "0x1",
        "payload": {},
        "ingest_received_at": received,
    }
    return msgspec.json.encode(line) + b"\n"


LATER = a_line("2025-10-19T12:34:57.123Z")


class Watched:
    """A store whose changes are watched."""

    def __init__(self) -> None:
        self.objects = {RAW: a_line() + LATER, RECORDS: a_line(), COPIES: LATER, SUMS: b""}
        self.broken: list[str] = []
        self.lake = Lake(lambda: self.objects, lambda law, _: self.broken.append(law))

    def put_manifest(self) -> None:
        named = {"objects": [{"key": RECORDS}], "copies": [{"key": COPIES}], "sums": {"key": SUMS}}
        data = msgspec.json.encode({"inputs": {RAW: {"size": len(self.objects[RAW])}}, **named})
        self.objects[MANIFEST] = data
        self.lake.put(MANIFEST, data)

    def remove(self, key: str) -> None:
        self.lake.removing(key)
        del self.objects[key]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_reader_sees_each_line_once_before_and_after_raw_objects_go(watched):
    before = sorted(watched.lake.records(HOUR))
    watched.put_manifest()
    assert sorted(watched.lake.records(HOUR)) == before
    assert watched.lake.is_compacted(HOUR)
    assert not watched.lake.is_tidy(HOUR, is_raw_kept=False)
    watched.remove(RAW)
    assert sorted(watched.lake.records(HOUR)) == before
    assert watched.lake.is_tidy(HOUR, is_raw_kept=False)
    assert watched.lake.gone() == {HOUR: 1}
    assert watched.broken == []


def test_a_raw_object_that_nothing_took_up_must_not_be_removed(watched):
    watched.remove(RAW)
    assert watched.broken == ["what is removed was taken up"]


@pytest.mark.parametrize("key", [RECORDS, COPIES, SUMS, MANIFEST])
def test_what_a_reader_follows_must_not_be_removed(watched, key: str):
    watched.put_manifest()
    watched.remove(key)
    assert watched.broken == ["what a reader follows is not removed"]


@pytest.mark.parametrize(
    ("key", "data", "law"),
    [
        (COPIES, b"", "a manifest has what was taken up"),
        (RECORDS, LATER, "a manifest has what was taken up"),
        (SUMS, None, "what a manifest names is there"),
    ],
)
def test_a_manifest_must_stand_for_what_it_names(watched, key: str, data: bytes | None, law: str):
    if data is None:
        del watched.objects[key]
    else:
        watched.objects[key] = data
    watched.put_manifest()
    assert watched.broken == [law]


def test_the_copy_received_first_is_the_one_that_counts(watched):
    watched.objects |= {RECORDS: LATER, COPIES: a_line()}
    watched.put_manifest()
    assert watched.broken == ["a manifest has each record once"]
