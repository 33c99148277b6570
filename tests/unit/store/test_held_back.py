"""What is held back is tried again after a pause that is never long, one object of a folder first."""

import pytest

from telemetry.domain.store import held_back
from telemetry.domain.store.held_back import HeldBack, Kept
from telemetry.domain.store.objects import MAX_BATCH
from telemetry.domain.transport.lease import Delivery


def kept(folder: str = "a", number: int = 0, size: int = 10, body: bytes = b"m") -> Kept:
    return Kept(folder, number, [Delivery(f"{folder}{number}", body, 0, 1)], [0], size)


def moments(taken: list[Kept]) -> list[tuple[str, int]]:
    return [(each.folder, each.since_ms) for each in taken]


def test_pauses_double_up_to_four_seconds():
    held, now_s = HeldBack(), 0.0
    held.failed(kept(), now_s)
    for pause_s in (0.5, 1.0, 2.0, 4.0, 4.0):
        assert held.take(now_s + pause_s - 0.001) == []
        (again,) = held.take(now_s + pause_s)
        now_s += pause_s
        held.failed(again, now_s)


def test_an_object_that_was_taken_is_not_taken_again_before_it_is_known_what_became_of_it():
    held = HeldBack()
    held.failed(kept(number=1), 0.0)
    held.hold(kept(number=2))
    assert moments(held.take(1.0)) == [("a", 1)]
    assert held.take(100.0) == []
    held.succeeded("a")
    assert moments(held.take(100.0)) == [("a", 2)]
    assert held.messages == 0


def test_of_several_that_fail_at_once_only_the_first_makes_the_pause_longer():
    held = HeldBack()
    for number in range(5):
        held.failed(kept(number=number), 0.0)
    assert len(held.take(0.5)) == 1


def test_the_object_that_failed_is_the_first_that_is_tried_again():
    held = HeldBack()
    held.failed(kept(number=1), 0.0)
    held.hold(kept(number=2))
    (again,) = held.take(1.0)
    held.failed(again, 1.0)
    assert moments(held.take(10.0)) == [("a", 1)]


def test_each_folder_has_a_pause_of_its_own():
    held = HeldBack()
    held.failed(kept("a"), 0.0)
    held.failed(kept("b"), 0.4)
    assert moments(held.take(0.5)) == [("a", 0)]
    assert held.is_closed("a")
    held.succeeded("b")
    assert not held.is_closed("b")
    assert moments(held.take(0.5)) == [("b", 0)]


def test_of_open_folders_no_more_is_taken_than_a_full_batch():
    held = HeldBack()
    held.failed(kept(number=0), 0.0)
    for number in range(1, 6):
        held.hold(kept(number=number, size=MAX_BATCH // 2))
    held.take(1.0)
    held.succeeded("a")
    assert [len(held.take(1.0)) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("limit", ["_MOST_MESSAGES", "_MOST_BYTES"])
def test_it_is_full_by_the_number_of_messages_or_by_their_bytes(monkeypatch: pytest.MonkeyPatch, limit: str):
    monkeypatch.setattr(held_back, limit, 3)
    held = HeldBack()
    for number in range(3):
        assert not held.is_full
        held.failed(kept(number=number), 0.0)
    assert held.is_full
    assert held.messages == 3
    held.take(1.0)
    assert not held.is_full


def test_each_message_that_failed_is_named_once():
    held = HeldBack()
    held.failed(kept(number=1), 0.0)
    held.hold(kept(number=2))
    assert held.unacquitted() == ["a1", "a2"]
    assert held.unacquitted() == []
