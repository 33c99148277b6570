"""Definitions that are made of entries, and what is left out of them."""

from collections.abc import Mapping, Sequence

import pytest

from telemetry.domain.can import compiling
from telemetry.domain.can.bits import Kind
from telemetry.domain.can.definitions import Catalogue
from telemetry.domain.can.entries import MessageEntry, Notes, SignalEntry
from tests.can_outcomes import Decoded, read_each


def signal(name: str, start: int = 0, length: int = 8, kind: Kind = "unsigned") -> SignalEntry:
    return SignalEntry(name, start, length, "little", kind, (1, 0), (0, 255))


def multiplexed(
    name: str, multiplexer: int | None, *pages: range, start: int = 0, length: int = 8
) -> SignalEntry:
    entry = signal(name, start, length)
    return entry._replace(is_multiplexed=True, multiplexer=multiplexer, pages=pages)


def message(*signals: SignalEntry, can_id: int = 1, size: int = 8) -> MessageEntry:
    return MessageEntry("M", can_id, is_extended=False, size=size, signals=signals)


def compiled(*entries: MessageEntry) -> tuple[Catalogue, Mapping[str, Sequence[str]]]:
    catalogue = compiling.catalogue(entries, Notes(list))
    return catalogue, catalogue.notes


def names(catalogue: Catalogue) -> Sequence[str]:
    return [name for each in catalogue.definitions for name in each.layout.names]


def test_a_message_without_a_signal_is_no_definition():
    catalogue, notes = compiled(message(), message(signal("a"), can_id=2)._replace(period_ms=10))
    (only,) = catalogue.definitions
    assert (only.name, only.can_id, only.period_ms) == ("M", 2, 10)
    assert notes == {}


def test_a_signal_beyond_the_end_of_its_message_is_left_out_alone_and_noted():
    catalogue, notes = compiled(message(signal("a"), signal("far", 57), signal("b", 56)))
    assert names(catalogue) == ["a", "b"]
    assert notes == {"left out, beyond the end of the message": ["far (M)"]}


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (signal("odd", 0, 65), "65 bits from bit 0 on are no field of 1 to 64 bits"),
        (signal("odd", 0, 0), "0 bits from bit 0 on are no field of 1 to 64 bits"),
        (signal("odd", 0, 24, "float"), "there is no float of 24 bits"),
    ],
)
def test_a_signal_that_is_no_number_is_left_out_alone_and_noted(odd, why):
    catalogue, notes = compiled(message(signal("a"), odd))
    assert names(catalogue) == ["a"]
    assert notes == {"left out, no number": [f"odd (M): {why}"]}


def test_a_message_of_which_nothing_is_left_is_no_definition():
    catalogue, notes = compiled(message(signal("far", 64)))
    assert catalogue.definitions == []
    assert notes == {"left out, beyond the end of the message": ["far (M)"]}


def test_signals_that_have_to_be_renamed_are_noted():
    catalogue, notes = compiled(message(signal("CellV"), signal("Cell_V", 8)))
    assert names(catalogue) == ["cell_v", "cell_v_2"]
    assert notes == {"renamed": ["Cell_V is named cell_v_2 (M)"]}


def test_a_message_that_is_defined_twice_is_noted_and_the_last_counts():
    catalogue, notes = compiled(message(signal("a")), message(signal("b")), message(signal("c"), can_id=2))
    found = catalogue.find(1, is_extended=False)
    assert found is not None
    assert found.layout.names == ["b"]
    assert notes == {"defined more than once, the last counts": ["0x1"]}


def test_the_signals_of_the_protection_are_checked_and_are_no_values():
    catalogue, _ = compiled(
        message(signal("crc"), signal("count", 8, 4), signal("v", 16), size=5)._replace(crc_init=0x77)
    )
    assert names(catalogue) == ["v"]
    layout = catalogue.definitions[0].layout
    assert read_each(layout, [bytes.fromhex("09C6000088")]) == [Decoded({"v": 0.0})]
    assert [str(each) for each in read_each(layout, [bytes.fromhex("09C6010088")])] == [
        "its checksum is wrong"
    ]


@pytest.mark.parametrize(
    ("can_ids", "is_j1939"),
    [([0xCF004FE, 0x18FEF1FE], True), ([0xCF004FE, 0x18FEF100], False)],
)
def test_messages_are_of_j1939_if_all_ids_name_no_source(can_ids, is_j1939):
    entries = [message(signal("a"), can_id=can_id)._replace(is_extended=True) for can_id in can_ids]
    catalogue, _ = compiled(*entries, message(can_id=5))
    assert catalogue.is_j1939 == is_j1939
    (outcome,) = read_each(catalogue.definitions[0].layout, [b"\xfe"])
    assert isinstance(outcome, Decoded)
    assert outcome.errors == (("a",) if is_j1939 else ())


def test_standard_ids_that_end_as_no_source_are_not_of_j1939():
    assert not compiled(message(signal("a"), can_id=0x1FE))[0].is_j1939
    assert not compiled(message(signal("a"), can_id=0x1FE)._replace(is_j1939=True))[0].is_j1939
    assert not compiled()[0].is_j1939


def test_a_message_may_say_by_itself_that_it_is_of_j1939():
    catalogue, _ = compiled(
        message(signal("a"), can_id=0x18FEF100)._replace(is_extended=True, is_j1939=True),
        message(signal("b")),
    )
    assert [each.is_j1939 for each in catalogue.definitions] == [True, False]


def test_a_signal_is_multiplexed_by_the_place_of_its_multiplexer_whatever_is_left_out_before():
    catalogue, _ = compiled(
        message(signal("far", 64), signal("page"), multiplexed("a", 1, range(1, 2), range(5, 7), start=8))
    )
    layout = catalogue.definitions[0].layout
    assert read_each(layout, [b"\1\7", b"\2\7", b"\6\7"]) == [
        Decoded({"page": 1.0, "a": 7.0}, is_short=True),
        Decoded({"page": 2.0}, is_short=True),
        Decoded({"page": 6.0, "a": 7.0}, is_short=True),
    ]


@pytest.mark.parametrize(
    "signals",
    [
        [multiplexed("a", None, range(1))],
        [multiplexed("a", 0)],
        [multiplexed("a", 2, range(1)), signal("far", 64)],
        [multiplexed("a", 2, range(1)), multiplexed("b", 1, range(1))],
        [multiplexed("a", 1, range(1))],
    ],
)
def test_a_signal_whose_multiplexer_is_not_known_is_left_out_alone_and_noted(signals):
    catalogue, notes = compiled(message(signal("soc"), *signals))
    assert names(catalogue) == ["soc"]
    assert "a (M)" in notes["left out, its multiplexer is not known"]


def bit(place: int) -> SignalEntry:
    return signal(f"s{place}", place, 1)


def test_a_message_holds_as_many_signals_as_a_record_and_the_others_are_noted():
    catalogue, notes = compiled(message(*(bit(place) for place in range(514)), size=65))
    assert len(names(catalogue)) == 512
    assert notes == {"left out, a record has at most 512 signals": ["s512 (M)", "s513 (M)"]}
    assert len(names(compiled(message(*(bit(place) for place in range(512)), size=64))[0])) == 512


def test_signals_of_different_pages_are_never_in_one_record():
    pages = [
        multiplexed(f"p{page}_{place}", 0, range(page, page + 1), start=8 + place, length=1)
        for page in range(3)
        for place in range(300)
    ]
    catalogue, notes = compiled(message(signal("page"), *pages, size=64))
    assert len(names(catalogue)) == 901
    assert notes == {}
    overlapping = [multiplexed(f"q{place}", 0, range(2, 9), start=8 + place) for place in range(300)]
    catalogue, notes = compiled(message(signal("page"), *pages, *overlapping, size=64))
    assert len(names(catalogue)) == 512
    assert len(notes["left out, a record has at most 512 signals"]) == 901 + 300 - 512


def test_of_too_many_signals_those_whose_multiplexer_is_left_out_are_left_out_too():
    late = [multiplexed("a", 514, range(1)), *(bit(place) for place in range(513)), signal("page")]
    catalogue, notes = compiled(message(*late, size=65))
    assert len(names(catalogue)) == 511
    assert notes == {
        "left out, a record has at most 512 signals": ["a (M)", "s511 (M)", "s512 (M)", "page (M)"]
    }
