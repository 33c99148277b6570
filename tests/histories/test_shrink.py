"""What breaks a law is made as short as it can be."""

from collections.abc import Callable

from harness.histories.laws import BrokenError
from harness.histories.options import Event, History, Options, Sent
from harness.histories.shrink import MOST_EVENTS, Shrinking

LAW = "a law"
EVENTS = [Event("poison", body=str(number)) for number in range(60)]


def a_history(*events: Event) -> History:
    return History(1, Options(start_ms=0), events)


def shrunk(history: History, breaks_when: Callable[[History], bool], law: str = LAW) -> History:
    return Shrinking(lambda tried: BrokenError(law, "") if breaks_when(tried) else None, LAW).shrink(history)


def test_what_is_not_needed_is_left_out_however_far_apart_the_rest_is():
    needed = {"3", "31", "59"}
    found = shrunk(a_history(*EVENTS), lambda tried: needed <= {event.body for event in tried.events})
    assert {event.body for event in found.events} == needed


def test_events_are_left_out_again_once_there_are_fewer_records():
    sent = Sent(0, "veh-1", "0x1", {"x": 1.0})
    history = a_history(Event("post", records=[sent] * 8), Event("evict"))

    def breaks_when(tried: History) -> bool:
        records = sum(len(event.records) for event in tried.events)
        return records == 1 or (records > 1 and len(tried.events) == 2)

    found = shrunk(history, breaks_when)
    assert [event.kind for event in found.events] == ["post"]


def test_a_long_history_is_tried_under_more_seeds_until_it_is_short():
    def breaks_when(tried: History) -> bool:  # as where much depends on the order of callbacks
        return len(tried.events) == len(EVENTS) or tried.seed % 7 == len(tried.events) % 7

    assert len(shrunk(a_history(*EVENTS), breaks_when).events) <= MOST_EVENTS


def test_a_history_that_breaks_another_law_is_no_shorter_one():
    history = a_history(*EVENTS[:3])
    assert shrunk(history, lambda _: True, "another law") == history
