"""The layout of a frame: what it decodes to, and what it is encoded from."""

import math

import numpy as np
import pytest

from telemetry.domain.can import frame
from telemetry.domain.can.bits import Field, frames, words
from telemetry.domain.can.frame import Decoded, Frame, Layout, UndecodableFrameError
from telemetry.domain.can.protection import Protection
from telemetry.domain.can.scaling import Signal

VOLTS = (Signal("volts", 16, scaling=(0.1, 0), limits=(0, 819)), Field(0, 16))
AMPS = (Signal("amps", 8, "signed", (0.5, 1)), Field(16, 8, kind="signed"))
NAN = math.nan


@pytest.fixture
def pack() -> Layout:
    return Layout([VOLTS, AMPS], 4)


def test_frames_are_decoded_all_at_once_with_no_number_where_none_is_available(pack):
    columns = pack.decode(words([b"\xc3\x0d\xfe\0", b"\xff\xff\x02\0"]), 4)
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
    assert layout.decode(made, 4)["ratio"].tolist() == pytest.approx([1.25, NAN], nan_ok=True)


def test_frames_are_read_to_what_each_says(pack):
    assert pack.read([b"\xc3\x0d\xfe\0", b"\xff\xff\x02\0"]) == [
        Decoded({"volts": 352.3, "amps": 0.0}, ()),
        Decoded({"amps": 2.0}, ["volts"]),
    ]


def test_of_short_frames_the_signals_that_are_whole_are_read(pack):
    assert pack.read([b"\xc3\x0d"]) == [Decoded({"volts": 352.3}, (), is_short=True)]
    (outcome,) = pack.read([b"\xc3"])
    assert isinstance(outcome, UndecodableFrameError)
    assert str(outcome) == "1 bytes hold none of its signals whole"


@pytest.mark.parametrize("size", [4, 6, 8, 12])
def test_a_longer_frame_is_read_as_if_it_were_not(pack, size):
    assert pack.read([b"\xc3\x0d\xfe".ljust(size, b"\x55")]) == [Decoded({"volts": 352.3, "amps": 0.0}, ())]


def test_a_protected_frame_is_made_and_read_with_its_checksum():
    layout = Layout([(Signal("speed", 8), Field(16, 8))], 3, Protection(0x77))
    made = frames(layout.encode({"speed": np.array([50.0])}, 16), 3)
    assert made[0][1] & 0x0F == 1
    assert layout.read(made) == [Decoded({"speed": 50.0}, ())]
    broken, longer = layout.read([made[0][:2] + b"\x33", made[0]]), layout.read([made[0] + b"\0"])
    assert [str(each) for each in broken] == ["its checksum is wrong", str(layout.read(made)[0])]
    assert longer == layout.read(made)


@pytest.mark.parametrize(
    ("fields", "size", "protection"),
    [
        ([VOLTS, AMPS], 2, None),
        ([VOLTS, (Signal("other", 8), Field(8, 8))], 8, None),
        ([VOLTS, (Signal("other", 8), Field(15, 8, "big"))], 8, None),
        ([VOLTS], 8, Protection(0)),
    ],
)
def test_a_layout_whose_signals_do_not_fit_is_refused_and_names_the_signal(fields, size, protection):
    with pytest.raises(ValueError, match="reaches beyond . bytes or into another signal"):
        Layout(fields, size, protection)


def test_frames_of_many_kinds_are_decoded_in_their_order(pack):
    readers = {(1, False): pack.read, (1, True): Layout([AMPS], 3).read}
    mixed = [
        Frame(0, 1, b"\xc3\x0d\xfe\0"),
        Frame(0, 2, b""),
        Frame(0, 1, b"\0\0\x02", is_extended=True),
        Frame(0, 1, b"\xc4\x0d"),
        Frame(0, 1, b"\xc5\x0d\xfe\0"),
    ]
    assert frame.decode(mixed, readers) == [
        Decoded({"volts": 352.3, "amps": 0.0}, ()),
        None,
        Decoded({"amps": 2.0}, ()),
        Decoded({"volts": 352.4}, (), is_short=True),
        Decoded({"volts": 352.5, "amps": 0.0}, ()),
    ]
