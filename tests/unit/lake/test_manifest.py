"""Manifests: their names, and which one counts."""

from typing import Any

import msgspec
import pytest

from telemetry.domain.figures.moved import Summed
from telemetry.domain.lake import manifest
from telemetry.domain.lake.manifest import Content, Input, Manifest
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.storage import ObjectInfo
from tests.builders import HOUR, NOW

FOLDER = "compacted/year=2025/month=10/day=19/hour=14/"


def a_manifest(**changes: Any) -> Manifest:
    made = Manifest(
        revision=1,
        starts="2025-10-19T14:00:00.000Z",
        made="2025-10-19T15:20:00.000Z",
        inputs={"raw/a.jsonl": Input(7, "ab")},
        objects=[Content(f"{FOLDER}records-000001-1-ab.parquet", 9, "cd", 1, "a", "b")],
        copies=[],
        records=1,
        unique=1,
        first="2025-10-19T14:30:00.000Z",
        last="2025-10-19T14:30:00.000Z",
        identities="0",
        payloads="0",
    )
    return msgspec.structs.replace(made, **changes)


def info(name: str, size: int = 1) -> ObjectInfo:
    return ObjectInfo(FOLDER + name, size, NOW)


def test_it_comes_back_as_it_was_written():
    made = a_manifest()
    assert manifest.decode("key", manifest.encode(made)) == made


def test_it_has_a_line_an_entry_for_people():
    assert b'\n "revision": 1,\n' in manifest.encode(a_manifest())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"revision": "1"}', b"[" * 100_000])
def test_one_that_cannot_be_read_is_damage_because_its_records_would_be_missed(data):
    with pytest.raises(DamagedObjectError, match="key is damaged"):
        manifest.decode("key", data)


def test_keys_name_the_hour_and_the_revision():
    assert manifest.manifest_key(HOUR, 12) == f"{FOLDER}_manifest-000012.json"
    assert manifest.revision_of(manifest.manifest_key(HOUR, 12)) == 12
    assert manifest.content_key(HOUR, 2, "records", 5, b"x", ".parquet").startswith(
        f"{FOLDER}records-000002-5-"
    )
    assert manifest.content_key(HOUR, 2, "_copies", 5, b"x", ".parquet").startswith(
        f"{FOLDER}_copies-000002-5-"
    )


@pytest.mark.parametrize("kind", ["records", "_copies", "_sums"])
def test_the_objects_that_it_names_are_told_from_what_others_put_there(kind):
    key = manifest.content_key(HOUR, 2, kind, 5, b"x", ".jsonl.zst")
    assert manifest.is_content(key)
    assert manifest.revision_of(key) is None
    assert not manifest.is_content(manifest.manifest_key(HOUR, 2))
    assert not manifest.is_content(f"{FOLDER}other.parquet")


def test_the_highest_revision_counts_whatever_lies_beside_it():
    names = [
        "_manifest-000009.json",
        "_manifest-000010.json",
        "_manifest-x.json",
        "records-000011-1-ab.parquet",
    ]
    found = manifest.newest(map(info, names))
    assert found == info("_manifest-000010.json")
    assert manifest.newest([info("records-000001-1-ab.parquet")]) is None


def test_it_names_a_raw_object_only_as_large_as_it_was():
    made = a_manifest()
    assert made.names(ObjectInfo("raw/a.jsonl", 7, NOW))
    assert not made.names(ObjectInfo("raw/a.jsonl", 6, NOW))
    assert not made.names(ObjectInfo("raw/b.jsonl", 7, NOW))


def test_all_objects_of_it_are_records_and_copies_and_what_they_add_up_to():
    copies = [Content(f"{FOLDER}_copies-000001-1-ab.parquet", 9, "cd", 1, "a", "b")]
    made = a_manifest(copies=copies)
    assert made.contents == made.beside == [*made.objects, *copies]
    sums = Summed(f"{FOLDER}_sums-000001-1-ab.zst", 9, "cd", 1, 1000)
    assert msgspec.structs.replace(made, sums=sums).beside == [*made.contents, sums]


def test_the_digest_of_an_object_has_32_digits():
    assert manifest.digest(b"x") != manifest.digest(b"y")
    assert len(manifest.digest(b"x")) == 32
