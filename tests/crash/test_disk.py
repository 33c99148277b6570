"""What the modelled disk may leave after a power cut."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from harness.crash.disk import Disk
from harness.crash.trace import Operation

BLOCK: Final = 4096


def a_write(name: str, offset: int, data: bytes) -> Operation:
    return Operation("write", name, offset=offset, data=data)


def a_disk(name: str, content: bytes) -> Disk:
    """Return a disk with one file, which is durable."""
    disk = Disk()
    for each in (Operation("make", name), a_write(name, 0, content), Operation("sync", name)):
        disk.apply(each)
    disk.apply(Operation("sync", ""))
    return disk


def found_after(disk: Disk, *operations: Operation, draws: int = 100) -> Sequence[Mapping[str, bytes]]:
    """Apply operations and return what a power cut may leave then, drawn often."""
    for each in operations:
        disk.apply(each)
    random = Random(1)
    return [state for _ in range(draws) for state in disk.states(random)]


def test_each_of_two_pages_that_are_overwritten_is_old_or_new_or_zero():
    disk = a_disk("a", b"o" * BLOCK * 2)
    found = found_after(disk, *(a_write("a", place * BLOCK, b"n" * BLOCK) for place in range(2)))
    pages = {(state["a"][:BLOCK], state["a"][BLOCK:]) for state in found}
    kinds = [bytes([kind]) * BLOCK for kind in b"on\0"]
    assert {(first, second) for first in kinds for second in kinds} <= pages


def test_a_page_that_is_written_twice_may_have_the_first_write():
    disk = a_disk("a", b"o" * BLOCK)
    found = found_after(disk, a_write("a", 0, b"1" * BLOCK), a_write("a", 0, b"2" * BLOCK))
    assert {bytes([kind]) * BLOCK for kind in b"o12\0"} <= {state["a"] for state in found}


def test_a_page_may_be_torn_between_sectors():
    found = found_after(a_disk("a", b"o" * BLOCK), a_write("a", 0, b"n" * BLOCK))
    assert any(state["a"][:512] + state["a"][-512:] == b"o" * 512 + b"n" * 512 for state in found)


def test_bytes_beside_a_write_in_the_same_block_stay():
    found = found_after(a_disk("a", b"o" * 300), a_write("a", 100, b"n" * 100))
    assert all(state["a"][:100] + state["a"][200:] == b"o" * 200 for state in found)


def test_a_write_in_place_may_be_there_whether_or_not_the_file_is_longer():
    disk = a_disk("a", b"o" * BLOCK)
    found = found_after(disk, a_write("a", BLOCK, b"e" * BLOCK), a_write("a", 0, b"n" * BLOCK))
    sizes = {len(state["a"]) for state in found if state["a"][:BLOCK] == b"n" * BLOCK}
    assert {BLOCK, 2 * BLOCK} <= sizes
    assert b"n" * BLOCK + bytes(BLOCK) in {state["a"] for state in found}


def test_an_append_may_end_anywhere():
    found = found_after(a_disk("a", b"o"), a_write("a", -1, b"n" * 50), draws=500)
    assert {len(state["a"]) for state in found} == set(range(1, 52))


def test_a_file_that_is_cut_and_written_anew_may_be_old_or_empty_or_new_or_have_an_old_end():
    disk = a_disk("a", b"old")
    found = found_after(disk, Operation("cut", "a", offset=0), a_write("a", 0, b"n"))
    assert {b"old", b"", b"n", b"nld"} <= {state["a"] for state in found}


def test_a_cut_to_the_size_of_a_file_is_nothing_to_sync():
    disk = a_disk("a", b"old")
    disk.apply(Operation("cut", "a", offset=3))
    assert not disk.waits("a")


def test_a_later_change_of_names_may_be_there_without_the_one_before():
    found = found_after(a_disk("a", b"o"), Operation("make", "b"), Operation("make", "c"))
    assert {tuple(state) for state in found} == {("a",), ("a", "b"), ("a", "c"), ("a", "b", "c")}


def test_a_rename_is_there_whole_or_not_at_all():
    found = found_after(a_disk("a", b"o"), Operation("rename", "a", "b"))
    assert {tuple(state.items()) for state in found} == {(("a", b"o"),), (("b", b"o"),)}


def test_what_is_synced_is_there_for_certain():
    disk = a_disk("a", b"o" * BLOCK)
    found = found_after(disk, a_write("a", 0, b"n" * BLOCK), Operation("sync", "a"))
    assert {state["a"] for state in found} == {b"n" * BLOCK}


def test_the_last_of_two_writes_without_the_first_is_always_made():
    disk = a_disk("a", b"oo")
    found = found_after(disk, a_write("a", 0, b"n"), a_write("a", 1, b"n"), draws=1)
    assert b"on" in {state["a"] for state in found}
