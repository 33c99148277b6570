"""The layout of a frame: what it decodes to, and what it is encoded from."""

import math

import numpy as np
import pytest

from telemetry.domain.can.bits import Block, Field, frames
from telemetry.domain.can.layout import Layout, Slot, Switch
from telemetry.domain.can.protection import Protection
from telemetry.domain.can.scaling import Signal
from tests.can_outcomes import Decoded, read_each

VOLTS = (Signal("volts", 16, scaling=(0.1, 0), limits=(0, 819)), Field(0, 16))
AMPS = (Signal("amps", 8, "signed", (0.5, 1)), Field(16, 8, kind="signed"))
NAN = math.nan


@pytest.fixture
def pack() -> Layout:
    return Layout([VOLTS, AMPS], 4)


def test_frames_are_decoded_all_at_once_with_no_number_where_none_is_available(pack):
    columns = pack.decode(Block.of([b"\xc3\x0d\xfe\0", b"\xff\xff\x02\0"]))
    assert columns["volts"].tolist() == pytest.approx([352.3, NAN], nan_ok=True)
    assert columns["amps"].tolist() == [0.0, 2.0]


def test_what_is_encoded_decodes_to_the_same_and_unused_bits_are_ones(pack):
    made = pack.encode({"volts": np.array([352.31, NAN]), "amps": np.array([0.0, 2.0])})
    assert frames(made, 4) == [b"\xc3\x0d\xfe\xff", b"\xff\xff\x02\xff"]


def test_a_signal_without_values_is_sent_as_not_available():
    layout = Layout([VOLTS, (Signal("soc", 8), Field(16, 8))], 3)
    assert frames(layout.encode({"soc": np.array([50.0])}), 3) == [b"\xff\xff\x32"]


@pytest.mark.parametrize("value", [-0.1, 6553.5, 1e5, math.inf])
def test_a_value_that_its_field_cannot_hold_is_named(pack, value):
    with pytest.raises(ValueError, match=f"volts: its field has no raw value for {value:g}"):
        pack.encode({"volts": np.array([value]), "amps": np.array([0.0])})


@pytest.mark.parametrize("value", [NAN, 65, -63.5])
def test_what_a_signed_field_cannot_say_is_named(pack, value):
    with pytest.raises(ValueError, match="amps: its field has no raw value for"):
        pack.encode({"volts": np.array([0.0]), "amps": np.array([value])})


def test_a_float_is_encoded_with_the_decimals_it_has():
    layout = Layout([(Signal("ratio", 32, "float", (2, 1)), Field(0, 32, kind="float"))], 4)
    made = layout.encode({"ratio": np.array([1.25, NAN])})
    assert layout.decode(Block.of(frames(made, 4)))["ratio"].tolist() == pytest.approx(
        [1.25, NAN], nan_ok=True
    )


def test_frames_are_read_to_what_each_says(pack):
    assert read_each(pack, [b"\xc3\x0d\xfe\0", b"\xff\xff\x02\0"]) == [
        Decoded({"volts": 352.3, "amps": 0.0}, ()),
        Decoded({"amps": 2.0}, ("volts",)),
    ]


def test_of_short_frames_the_signals_that_are_whole_are_read(pack):
    assert read_each(pack, [b"\xc3\x0d"]) == [Decoded({"volts": 352.3}, (), is_short=True)]
    (outcome,) = read_each(pack, [b"\xc3"])
    assert isinstance(outcome, str)
    assert str(outcome) == "1 bytes hold none of its signals whole"


@pytest.mark.parametrize("size", [4, 6, 8, 12])
def test_a_longer_frame_is_read_as_if_it_were_not(pack, size):
    assert read_each(pack, [b"\xc3\x0d\xfe".ljust(size, b"\x55")]) == [
        Decoded({"volts": 352.3, "amps": 0.0}, ())
    ]


def test_a_protected_frame_is_made_and_read_with_its_checksum():
    layout = Layout([(Signal("speed", 8), Field(16, 8))], 3, Protection(0x77))
    made = frames(layout.encode({"speed": np.array([50.0])}, 16), 3)
    assert made[0][1] & 0x0F == 1
    assert read_each(layout, made) == [Decoded({"speed": 50.0}, ())]
    broken, longer = read_each(layout, [made[0][:2] + b"\x33", made[0]]), read_each(layout, [made[0] + b"\0"])
    assert [str(each) for each in broken] == ["its checksum is wrong", str(read_each(layout, made)[0])]
    assert longer == read_each(layout, made)


def test_a_layout_whose_signals_reach_beyond_its_frames_is_refused_and_names_the_signal():
    with pytest.raises(ValueError, match="amps reaches beyond 2 bytes"):
        Layout([VOLTS, AMPS], 2)


@pytest.mark.parametrize(
    ("fields", "protection", "why"),
    [
        ([VOLTS, (Signal("other", 8), Field(8, 8))], None, "other reaches into another signal"),
        ([VOLTS, (Signal("other", 8), Field(15, 8, "big"))], None, "other reaches into another signal"),
        ([VOLTS], Protection(0), "volts reaches into another signal"),
        ([Slot(*VOLTS), Slot(*AMPS, Switch(0, (range(1),)))], None, "multiplexed ones, are not made"),
    ],
)
def test_frames_in_which_signals_share_bits_are_read_and_not_made(fields, protection, why):
    layout = Layout(fields, 8, protection)
    with pytest.raises(ValueError, match=why):
        layout.encode({"volts": np.array([1.0])})


def test_frames_of_more_than_8_bytes_are_read_and_not_made():
    far = Layout([(Signal("far", 16), Field(56, 16))], 64)
    assert read_each(far, [bytes([0] * 7 + [5, 1] + [0] * 55)]) == [Decoded({"far": 261.0})]
    with pytest.raises(ValueError, match="frames of more than 8 bytes"):
        far.encode({"far": np.array([1.0])})


def test_signals_that_share_bits_are_each_read_by_itself():
    layout = Layout([VOLTS, (Signal("low", 4), Field(0, 4)), (Signal("big", 12), Field(3, 12, "big"))], 2)
    assert read_each(layout, [b"\x12\x34"]) == [
        Decoded({"volts": 1333.0, "low": 2.0, "big": 564.0}, outside=("volts",))
    ]


def slot(name: str, place: int, multiplexer: int = 0, raws: tuple[range, ...] = ()) -> Slot:
    switch = Switch(multiplexer, raws) if raws else None
    return Slot(Signal(name, 8, limits=(0, 255)), Field(8 * place, 8), switch)


@pytest.fixture
def nested() -> Layout:
    """Make a layout in which `page` chooses `a`, or `inner`, which chooses `b`; `soc` is always there."""
    return Layout(
        [
            slot("page", 0),
            slot("a", 1, 0, (range(1), range(5, 8))),
            slot("inner", 1, 0, (range(1, 2),)),
            slot("b", 2, 2, (range(3, 4),)),
            slot("soc", 3),
        ],
        4,
    )


@pytest.mark.parametrize(
    ("frame", "signals"),
    [
        (b"\0\x07\x08\x09", {"page": 0, "a": 7, "soc": 9}),
        (b"\x06\x07\x08\x09", {"page": 6, "a": 7, "soc": 9}),
        (b"\x01\x03\x08\x09", {"page": 1, "inner": 3, "b": 8, "soc": 9}),
        (b"\x01\x04\x08\x09", {"page": 1, "inner": 4, "soc": 9}),
        (b"\x0d\x07\x08\x09", {"page": 13, "soc": 9}),
        (b"\xff\x07\x08\x09", {"page": 255, "soc": 9}),
    ],
)
def test_of_multiplexed_signals_those_of_the_page_are_read_and_the_plain_ones_always(nested, frame, signals):
    assert read_each(nested, [frame]) == [Decoded(signals)]


@pytest.mark.parametrize(
    ("frame", "is_pageless"),
    [
        (b"\0\x07\x08\x09", False),
        (b"\x01\x03\x08\x09", False),
        (b"\x01\x04\x08\x09", True),  # of the inner multiplexer
        (b"\x0d\x07\x08\x09", True),
        (b"", False),
    ],
)
def test_a_frame_is_known_to_have_a_page_for_which_nothing_is_defined(nested, frame, is_pageless):
    (part,) = nested.parts(Block.of([frame]))
    assert part.is_pageless == is_pageless


def test_frames_of_many_pages_are_read_in_their_order(nested):
    mixed = [bytes([page, inner, 8, 9]) for page in (3, 0, 1, 0, 1) for inner in (3, 4)]
    assert read_each(nested, mixed) == [read_each(nested, [each])[0] for each in mixed]
    rows = np.concatenate([part.rows for part in nested.parts(Block.of(mixed))])
    assert sorted(rows.tolist()) == list(range(len(mixed)))


def test_a_short_frame_without_its_multiplexer_has_no_multiplexed_signal():
    layout = Layout([slot("soc", 0), slot("page", 1), slot("a", 0, 1, (range(256),))], 2)
    assert read_each(layout, [b"\x05"]) == [Decoded({"soc": 5.0}, is_short=True)]
    assert read_each(layout, [b"\x05\0"]) == [Decoded({"soc": 5.0, "page": 0.0, "a": 5.0})]


def test_a_multiplexer_of_64_bits_chooses_by_all_of_them():
    far = 2**63 - 1
    layout = Layout([Slot(Signal("page", 64), Field(0, 64)), slot("a", 8, 0, (range(far, far + 1),))], 9)
    read = read_each(layout, [page.to_bytes(8, "little") + b"\x05" for page in (far, far - 1)])
    assert [isinstance(each, Decoded) and "a" in each.signals for each in read] == [True, False]


def test_all_frames_may_be_damaged():
    layout = Layout([(Signal("speed", 8), Field(16, 8))], 3, Protection(0x77))
    (part,) = layout.parts(Block.of([b"\0\0\0", b"\0\0\1"]))
    assert part.fault == "its checksum is wrong"
    assert part.rows.tolist() == [0, 1]


def test_a_multiplexer_that_is_no_number_chooses_no_page():
    page = Slot(Signal("page", 32, "float"), Field(0, 32, kind="float"))
    layout = Layout([page, slot("a", 4, 0, (range(1, 2),))], 5)
    assert read_each(layout, [b"\1\0\xc0\x7f\7", b"\0\0\x80\x3f\7"]) == [
        Decoded({}, ("page",)),
        Decoded({"page": 1.0, "a": 7.0}),
    ]
