"""Which definition a frame has."""

import pytest

from telemetry.domain.can.bits import Field
from telemetry.domain.can.definitions import Catalogue, Definition, Definitions
from telemetry.domain.can.layout import Layout
from telemetry.domain.can.scaling import Signal


def definition(
    name: str, can_id: int, *, is_extended: bool = False, is_j1939: bool = False, period_ms: int | None = None
) -> Definition:
    layout = Layout([(Signal(name, 8), Field(0, 8))], 1)
    return Definition(name, can_id, is_extended, layout, period_ms, is_j1939)


def found(where: Catalogue, can_id: int, *, is_extended: bool = True) -> str | None:
    each = where.find(can_id, is_extended=is_extended)
    return each.name if each else None


def test_a_standard_and_an_extended_id_of_one_number_are_two():
    both = Catalogue([definition("a", 1), definition("b", 1, is_extended=True)])
    assert found(both, 1, is_extended=False) == "a"
    assert found(both, 1) == "b"
    assert found(both, 2) is None
    assert not both.is_j1939


def test_of_two_definitions_of_one_id_the_later_counts():
    assert found(Catalogue([definition("a", 1), definition("b", 1)]), 1, is_extended=False) == "b"


@pytest.mark.parametrize("can_id", [0x0CF00400, 0x0CF00421, 0x18F004FE])
def test_in_j1939_a_message_is_that_of_its_group_whoever_sends_it_at_any_priority(can_id):
    engine = Catalogue([definition("eec1", 0x0CF004FE, is_extended=True, is_j1939=True)])
    assert engine.is_j1939
    assert found(engine, can_id) == "eec1"
    assert found(engine, can_id ^ 0x100) is None
    assert found(engine, 0x400, is_extended=False) is None


def test_in_j1939_the_destination_is_no_part_of_the_group():
    request = Catalogue([definition("request", 0x18EAFFFE, is_extended=True, is_j1939=True)])
    assert found(request, 0x18EA2100) == "request"


def test_in_j1939_the_definition_of_its_own_source_comes_first_and_then_that_of_none():
    own = definition("own", 0x18FEF121, is_extended=True, is_j1939=True)
    another = definition("another", 0x18FEF117, is_extended=True, is_j1939=True)
    general = definition("general", 0x18FEF1FE, is_extended=True, is_j1939=True)
    several = Catalogue([own, general, another])
    assert found(several, 0x0CFEF121) == "own"
    assert found(several, 0x0CFEF117) == "another"
    assert found(several, 0x0CFEF100) == "general"
    assert found(Catalogue([own, another]), 0x0CFEF100) == "own"


def test_what_is_no_message_of_j1939_keeps_its_whole_id_beside_those_that_are():
    mixed = Catalogue(
        [
            definition("diagnosis", 0x18DAF110, is_extended=True),
            definition("eec1", 0x0CF004FE, is_extended=True, is_j1939=True),
        ]
    )
    assert found(mixed, 0x18DAF110) == "diagnosis"
    assert found(mixed, 0x18DAF120) is None


def test_messages_with_a_period_and_a_standard_id_are_sent_periodically():
    several = Catalogue(
        [
            definition("a", 1, period_ms=100),
            definition("b", 2),
            definition("c", 3, is_extended=True, period_ms=100),
            definition("far", 4, period_ms=5)._replace(layout=Layout([(Signal("far", 8), Field(64, 8))], 64)),
        ]
    )
    assert [(each.can_id, each.period_ms) for each in several.cyclic] == [(1, 100)]


@pytest.fixture
def several() -> Definitions:
    """Make definitions of which one is for can1 alone."""
    return Definitions(
        [
            ("", Catalogue([definition("a", 1), definition("b", 2)])),
            ("can1", Catalogue([definition("c", 1)])),
            ("", Catalogue([definition("d", 2), definition("e", 3)])),
        ]
    )


@pytest.mark.parametrize(
    ("bus", "can_id", "name"),
    [
        ("can0", 1, "a"),
        ("can1", 1, "c"),
        ("", 1, "a"),
        ("can1", 2, "b"),
        ("can0", 3, "e"),
        ("can0", 4, None),
    ],
)
def test_definitions_for_a_bus_come_before_those_for_all_and_of_these_the_first(several, bus, can_id, name):
    for _ in range(2):
        each = several.find(bus, can_id, is_extended=False)
        assert (each.name if each else None) == name
    assert not several.is_j1939


def test_definitions_are_of_j1939_if_one_of_them_is():
    engine = Catalogue([definition("eec1", 0x0CF004FE, is_extended=True, is_j1939=True)])
    assert Definitions([("", Catalogue([])), ("can1", engine)]).is_j1939
