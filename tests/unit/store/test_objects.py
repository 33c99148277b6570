"""The objects of the stores: their keys, and what is encoded under them."""

import pickle
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.contract import partition
from telemetry.domain.contract.partition import Partition
from telemetry.domain.store import objects
from tests.builders import HOUR, NOW, PLACE

LINES = st.lists(st.binary(max_size=30).map(lambda line: re.sub(rb"[\r\n]", b" ", line)), max_size=5)


@pytest.mark.parametrize("raw_format", ["jsonl", "jsonl.zst"])
def test_a_batch_is_named_after_its_partition_moment_and_content(raw_format):
    key = objects.batch_key(PLACE, NOW, b"lines\n", raw_format)
    pattern = rf"raw/year=2025/month=10/day=19/hour=14/batch-{NOW}-[0-9a-f]{{16}}\.{re.escape(raw_format)}"
    assert re.fullmatch(pattern, key)
    assert partition.parse_path(key) == PLACE


@given(st.binary(), st.binary())
def test_the_same_batch_has_the_same_name_and_another_another(one, other):
    keys = [objects.batch_key(PLACE, NOW, lines, "jsonl") for lines in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


def test_a_batch_of_another_moment_or_partition_has_another_name():
    one = objects.batch_key(PLACE, NOW, b"", "jsonl")
    assert one != objects.batch_key(PLACE, NOW + 1, b"", "jsonl")
    assert one != objects.batch_key(Partition("raw", HOUR, 0), NOW, b"", "jsonl")


def test_the_figures_of_an_hour_have_one_name():
    assert objects.aggregated_key(HOUR) == (
        "aggregated/year=2025/month=10/day=19/hour=14/aggregated-20251019T14Z.json"
    )


def test_quarantine_is_named_by_the_hour_in_which_it_was_put_there():
    key = objects.quarantine_key(NOW, b"lines\n")
    folder = "quarantine/year=2025/month=10/day=19/hour=14"
    assert re.fullmatch(rf"{folder}/quarantine-{NOW}-[0-9a-f]{{16}}\.jsonl", key)


@given(LINES)
@pytest.mark.parametrize("key", ["a/batch.jsonl", "a/batch.jsonl.zst"])
def test_lines_read_back_as_they_were_written(key, lines):
    content = b"".join(line + b"\n" for line in lines)
    assert list(objects.decode_object(key, objects.encode_object(key, content))) == lines


def test_only_what_its_key_says_is_compressed():
    content = b"line\n" * 100
    assert objects.encode_object("batch.jsonl", content) == content
    assert len(objects.encode_object("batch.jsonl.zst", content)) < 100


def test_writing_the_same_lines_gives_the_same_bytes():
    assert objects.encode_object("a.zst", b"line\n" * 100) == objects.encode_object("b.zst", b"line\n" * 100)


def test_a_damaged_compressed_object_raises_value_error():
    whole = objects.encode_object("a.zst", b"line\n" * 100)
    for damaged in (b"", b"line\n", whole[:-1], whole + b"\x00", whole[:-1] + bytes([whole[-1] ^ 1])):
        with pytest.raises(ValueError, match="not one whole zstd frame"):
            objects.decode_object("a.zst", damaged)


def test_a_line_that_lacks_its_newline_is_read_all_the_same():
    assert objects.decode_object("a.jsonl", b"one\ntwo") == [b"one", b"two"]


@given(LINES, st.integers(min_value=0))
@pytest.mark.parametrize("raw_format", ["jsonl", "jsonl.zst"])
def test_no_other_lines_are_read_from_an_object_in_which_one_bit_was_flipped(raw_format, lines, bit):
    content = b"".join(line + b"\n" for line in [*lines, b"{}"])
    key = objects.batch_key(PLACE, NOW, content, raw_format)
    flipped = bytearray(objects.encode_object(key, content))
    flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
    read = None
    with suppress(objects.DamagedObjectError):
        read = objects.decode_content(key, bytes(flipped))
    # Some bits of a frame mean nothing to a decompressor.
    assert read is None or (read, raw_format) == (content, "jsonl.zst")


def test_a_torn_object_is_found_out_though_it_ends_with_a_whole_line():
    key = objects.quarantine_key(NOW, b"one\ntwo\n")
    with pytest.raises(
        objects.DamagedObjectError, match="its lines are not those that its name has the digest of"
    ):
        objects.decode_content(key, b"one\n")


@pytest.mark.parametrize(
    "name", ["theirs", "batch-1", "batch-1-ab", f"my-batch-1-{'0' * 16}", f"batch-1-{'0' * 17}"]
)
def test_an_object_of_another_name_is_read_as_it_is(name):
    assert objects.decode_content(f"{PLACE.path}/{name}.jsonl", b"one\n") == b"one\n"


@pytest.mark.parametrize("kind", [objects.DamagedObjectError, objects.UnreadObjectError])
def test_what_is_wrong_with_an_object_passes_whole_between_processes(kind):
    error = kind("raw/batch-1.jsonl", "line 2: torn", is_of_lines=True)
    passed = pickle.loads(pickle.dumps(error))
    assert type(passed) is kind
    assert (str(passed), passed.key, passed.why) == (str(error), error.key, error.why)
    assert passed.is_of_lines
