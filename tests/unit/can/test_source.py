"""The count of what is in a log."""

from telemetry.domain.can.source import Tally


def test_what_cannot_be_read_is_counted_and_the_first_few_are_kept_with_their_places():
    tally = Tally(frames=3)
    tally.skipped["error"] += 2
    for number in range(1, 8):
        tally.spoil(
            f"line {number}", "x" * 100 if number == 1 else "?", "" if number == 2 else "it breaks off"
        )
    assert (tally.unreadable, tally.total) == (7, 12)
    assert tally.examples[:2] == [f"line 1: it breaks off: '{'x' * 60}...'", "line 2: '?'"]
    assert len(tally.examples) == 5


def test_what_is_assumed_is_said_once():
    tally = Tally()
    for _ in range(2):
        tally.note("hexadecimal is assumed")
    assert tally.notes == ["hexadecimal is assumed"]


def test_each_tally_has_its_own_lists():
    Tally().note("a")
    assert Tally().notes == []
