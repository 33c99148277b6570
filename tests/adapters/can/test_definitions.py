"""Definitions from several files, for all buses or for one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry.adapters.can.definitions import Definitions
from telemetry.domain.can.bits import Block


@pytest.fixture
def dbc(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, *ids: int) -> Path:
        path = tmp_path / f"{name}.dbc"
        messages = (f'BO_ {each} M{each}: 8 X\n SG_ {name} : 0|16@1+ (0.1,0) [0|0] "V" X\n' for each in ids)
        path.write_text('VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_:\n\n' + "\n".join(messages))
        return path

    return make


def signal(definitions: Definitions, bus: str, can_id: int) -> str | None:
    """Return the name of the signal that a frame of a bus decodes to."""
    if not (decode := definitions.find(bus, can_id, False)):  # noqa: FBT003  # not extended
        return None
    (part,) = decode(Block.of([bytes(8)]))
    return part.names[0]


def test_without_a_file_those_of_the_package_are_taken():
    definitions = Definitions([])
    assert definitions.is_default
    assert definitions.names == ["bmw_i3.dbc"]
    assert definitions.find("can0", 0x112, False)  # noqa: FBT003  # not extended


def test_several_files_are_for_all_buses_and_the_first_counts(dbc):
    definitions = Definitions([str(dbc("a", 1)), str(dbc("b", 1, 2))])
    assert not definitions.is_default
    assert [signal(definitions, "can0", can_id) for can_id in (1, 2, 3)] == ["a", "b", None]


def test_a_file_of_one_bus_comes_before_those_of_all_and_is_for_no_other(dbc):
    definitions = Definitions([str(dbc("a", 1)), f"can1={dbc('b', 1, 2)}"])
    assert [signal(definitions, "can1", can_id) for can_id in (1, 2)] == ["b", "b"]
    assert [signal(definitions, "can0", can_id) for can_id in (1, 2)] == ["a", None]
    assert definitions.buses() == ["can1"]


def test_a_file_may_have_an_equals_sign_in_its_name(dbc):
    path = dbc("a", 1)
    path = path.rename(path.with_name("x=y.dbc"))
    assert signal(Definitions([str(path)]), "can0", 1) == "a"


def test_what_was_mended_in_a_file_is_noted_with_its_name(dbc):
    odd = f"can1={dbc('_4WD', 1)}"
    assert Definitions([str(dbc("a", 1)), odd]).notes == {
        odd: {"renamed": ["_4WD is named signal_4_wd (M1)"]}
    }
    assert Definitions([]).notes == {}
