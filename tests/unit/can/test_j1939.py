"""Identifiers of SAE J1939."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.domain.can import j1939
from telemetry.domain.can.j1939 import Address


@pytest.mark.parametrize(
    ("can_id", "priority", "address"),
    [
        (0x0CF00400, 3, Address(0xF004, 0x00, 0xFF)),
        (0x18FEF121, 6, Address(0xFEF1, 0x21, 0xFF)),
        (0x18EA2100, 6, Address(0xEA00, 0x00, 0x21)),
        (0x19FF0017, 6, Address(0x1FF00, 0x17, 0xFF)),
    ],
)
def test_an_id_says_what_a_frame_is_about_who_sent_it_and_to_whom(can_id, priority, address):
    assert j1939.address(can_id) == address
    assert j1939.priority(can_id) == priority


@given(st.integers(0, 0x1FFFFFFF))
def test_an_id_is_made_of_what_is_read_from_it(can_id):
    assert j1939.can_id(j1939.priority(can_id), j1939.address(can_id)) == can_id


def test_a_group_that_is_addressed_has_no_destination_of_its_own():
    assert j1939.can_id(6, Address(0xEA55, 0x00, 0x21)) == 0x18EA2100
