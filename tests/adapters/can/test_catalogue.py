"""Definitions of CAN frames from DBC files, and what frames decode to by them."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import cantools
import pytest
from cantools.database.can import Message, Signal
from cantools.database.conversion import BaseConversion
from hypothesis import given
from hypothesis import strategies as st

from telemetry.adapters.can.catalogue import BMW_I3, read
from telemetry.domain.can.bits import Block, Field
from telemetry.domain.can.bits import frames as unworded
from telemetry.domain.can.definitions import Catalogue
from telemetry.domain.can.frame import Frame, UnreadableError
from telemetry.domain.can.layout import Layout
from telemetry.domain.can.naming import snake_names
from telemetry.domain.can.scaling import Signal as Scaled
from tests.adapters.can.decoding import decode, decode_one
from tests.can_logs import read_frames
from tests.can_outcomes import Decoded, read_each

WIDEST = 48  # bits of a field whose values a float64 holds and can be scaled without losing one

DEFINITIONS = """
BO_ 274 Pack: 8 Vector__XXX
 SG_ pack_current_A : 0|16@1+ (0.1,-819.2) [-819.2|819] "A" Vector__XXX
 SG_ packVoltage : 16|16@1+ (0.1,0) [0|819] "V" Vector__XXX
 SG_ Balance : 39|16@0- (1,0) [0|0] "mV" Vector__XXX
 SG_ contactor_state : 48|2@1+ (1,0) [0|3] "" Vector__XXX

BO_ 2147483922 Extended: 4 Vector__XXX
 SG_ ratio : 0|32@1- (1,0) [0|0] "" Vector__XXX

BO_ 600 Multiplexed: 3 Vector__XXX
 SG_ page M : 0|8@1+ (1,0) [0|3] "" Vector__XXX
 SG_ volts m0 : 8|16@1+ (0.1,0) [0|0] "V" Vector__XXX
 SG_ amps m1 : 8|16@1+ (0.5,0) [0|0] "A" Vector__XXX

BO_ 601 Overlapping: 8 Vector__XXX
 SG_ one : 0|16@1+ (1,0) [0|0] "" Vector__XXX
 SG_ other : 8|16@1+ (1,0) [0|0] "" Vector__XXX

BO_ 603 Wide: 9 Vector__XXX
 SG_ far : 56|16@1+ (1,0) [0|0] "" Vector__XXX

BO_ 602 Empty: 8 Vector__XXX

SIG_VALTYPE_ 2147483922 ratio : 1;
VAL_ 274 contactor_state 0 "open" 1 "precharge" 2 "closed" 3 "invalid" ;
"""


def write(path: Path, definitions: str) -> Path:
    path.write_text(f'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_:\n{definitions}')
    return path


@pytest.fixture
def dbc(tmp_path) -> Catalogue:
    return read(write(tmp_path / "small.dbc", DEFINITIONS))


def frame(can_id: int, data: str, *, is_extended: bool = False) -> Frame:
    return Frame(0.0, can_id, bytes.fromhex(data), is_extended)


def test_a_frame_is_decoded_to_named_and_rounded_signals(dbc):
    assert decode_one(dbc, frame(274, "85 1F C3 0D FF FE 02 00")) == Decoded(
        {"pack_current_a": -12.3, "pack_voltage": 352.3, "balance": -2.0, "contactor_state": 2.0}, ()
    )


def test_what_is_not_available_is_left_out_and_named(dbc):
    decoded = decode_one(dbc, frame(274, "FF FF FF FF FF FF 03 00"))
    assert decoded == Decoded({"balance": -1.0}, ("pack_current_a", "pack_voltage", "contactor_state"))


def test_a_frame_that_is_not_defined_gives_nothing(dbc):
    assert decode_one(dbc, frame(275, "00")) is None


def test_a_standard_and_an_extended_frame_of_one_id_have_definitions_of_their_own(dbc):
    assert decode_one(dbc, frame(274, "00 00 00 40", is_extended=True)) == Decoded({"ratio": 2.0}, ())
    assert decode_one(dbc, frame(600, "00 00 00", is_extended=True)) is None


def test_a_definition_that_names_no_signal_does_not_count(dbc):
    assert decode_one(dbc, frame(602, "00 00 00 00 00 00 00 00")) is None


def test_signals_that_share_bits_are_each_decoded(dbc):
    assert decode_one(dbc, frame(601, "01 02 03 00 00 00 00 00")) == Decoded({"one": 513.0, "other": 770.0})


def test_a_multiplexed_frame_gives_the_signals_of_its_page(dbc):
    assert decode_one(dbc, frame(600, "00 0A 00")) == Decoded({"page": 0.0, "volts": 1.0})
    assert decode_one(dbc, frame(600, "01 0A 00")) == Decoded({"page": 1.0, "amps": 5.0})


@pytest.mark.parametrize(
    ("can_id", "data", "why"),
    [
        (274, "05", "1 bytes hold none of its signals whole"),
        (274, "", "0 bytes hold none of its signals whole"),
        (603, "09", "1 bytes hold none of its signals whole"),
    ],
)
def test_a_frame_that_does_not_fit_its_definition_says_why(dbc, can_id, data, why):
    outcome = decode_one(dbc, frame(can_id, data))
    assert isinstance(outcome, str)
    assert why in str(outcome)


def test_a_frame_of_more_than_8_bytes_is_decoded(dbc):
    assert decode_one(dbc, frame(603, "00 00 00 00 00 00 00 05 01")) == Decoded({"far": 261.0})


def test_a_frame_longer_than_its_definition_is_decoded_as_if_it_were_not(dbc):
    assert decode_one(dbc, frame(600, "01 0A 00 FF FF")) == Decoded({"page": 1.0, "amps": 5.0})


@pytest.mark.parametrize("size", range(2, 8))
def test_of_a_shorter_frame_the_signals_that_are_whole_have_the_values_of_the_full_frame(dbc, size):
    data = "85 1F C3 0D 12 34 02 00"
    whole = decode_one(dbc, frame(274, data))
    cut = decode_one(dbc, frame(274, data[: 3 * size]))
    assert isinstance(whole, Decoded)
    assert isinstance(cut, Decoded)
    assert cut.is_short
    assert cut.signals.items() <= whole.signals.items()
    assert len(cut.signals) == {2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 4}[size]


@pytest.mark.parametrize("content", [b"", b"BO_ what", b"\x7fELF\x00\xff\x81", "hällo".encode("utf-16")])
def test_a_file_that_is_no_dbc_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.dbc").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"bad\.dbc: it is no DBC file: no message \(BO_\) is in it$"):
        read(tmp_path / "bad.dbc")


def test_a_file_of_which_no_signal_can_be_decoded_is_refused_and_says_why(tmp_path):
    path = write(tmp_path / "far.dbc", '\nBO_ 1 Far: 8 X\n SG_ v : 64|8@1+ (1,0) [0|0] "" X\n')
    with pytest.raises(
        UnreadableError, match=r"far\.dbc: no signal of it can be decoded: left out, beyond the"
    ):
        read(path)
    with pytest.raises(UnreadableError, match=r"empty\.dbc: it defines no signal$"):
        read(write(tmp_path / "empty.dbc", "\nBO_ 1 Empty: 8 X\n"))


def test_definitions_that_are_not_there_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.dbc"):
        read(tmp_path / "none.dbc")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_file_is_read_in_the_encodings_that_tools_write(tmp_path, encoding):
    definitions = (
        'VERSION ""\n\nBO_ 1 A: 8 X\n SG_ Größe : 0|8@1+ (1,0) [0|0] "°C" X\nVAL_ 1 Größe 255 "groß" ;\n'
    )
    (tmp_path / "odd.dbc").write_text(definitions, encoding=encoding)
    (definition,) = read(tmp_path / "odd.dbc").definitions
    assert definition.layout.names == ["gr_e"]
    assert read_each(definition.layout, [b"\xff" * 8]) == [Decoded({"gr_e": 255.0})]


def test_the_checksum_that_a_definition_asks_for_is_checked_and_is_no_value(tmp_path):
    signals = ' SG_ crc : 0|8@1+ (1,0) [0|255] "" X\n SG_ v : 16|16@1+ (1,0) [0|0] "" X\n'
    attributes = 'BA_DEF_ BO_ "CrcInit" INT 0 255;\nBA_DEF_DEF_ "CrcInit" 0;\nBA_ "CrcInit" BO_ 417 119;\n'
    dbc = read(write(tmp_path / "protected.dbc", f"\nBO_ 417 Speed: 5 X\n{signals}\n{attributes}"))
    assert decode_one(dbc, frame(417, "09 C6 00 00 88")) == Decoded({"v": 0.0}, ())
    assert str(decode_one(dbc, frame(417, "09 C6 01 00 88"))) == "its checksum is wrong"


def test_the_definitions_of_the_package_say_how_often_the_car_sends():
    assert {each.can_id: each.period_ms for each in read().cyclic} == {
        0x112: 10,
        0x1A1: 20,
        0x1F0: 200,
        0x1FA: 1000,
        0x239: 200,
        0x2F5: 100,
        0x3EB: 1000,
        0x40D: 1000,
        0x431: 200,
        0x432: 200,
    }


def test_the_definitions_of_the_package_say_that_one_frame_is_not_the_cars():
    assert "PROJECT-DEFINED" in BMW_I3.read_text()
    assert decode_one(read(), frame(0x1F0, "D0 0E 10 0F FF FF FF FF")) == Decoded(
        {"cell_voltage_min": 3.792, "cell_voltage_max": 3.856}
    )


@pytest.mark.parametrize("definitions", ["i3_sme_facts.dbc", BMW_I3])
def test_all_real_logs_decode_to_what_cantools_says_and_nothing_unavailable_is_a_number(
    real_data, definitions
):
    path = real_data / definitions
    dbc, peer = read(path), cantools.database.load_file(path)
    assert isinstance(peer, cantools.database.Database)
    names = {s.name: snake for m in peer.messages for s, snake in zip(m.signals, snakes(m), strict=True)}
    limits = {names[s.name]: (s.minimum or 0, s.maximum or 0) for m in peer.messages for s in m.signals}
    decoded = 0
    for log in sorted((real_data / "i3_can_logs").glob("*.log.gz")):
        frames = read_frames(log)
        for each, found in zip(frames, decode(dbc, *frames), strict=True):
            if found is None:
                continue
            decoded += 1
            assert isinstance(found, Decoded)
            expected = peer.decode_message(each.can_id, each.data, decode_choices=False)
            assert isinstance(expected, dict)
            left_out = {*found.unavailable, "checksum", "alive_counter"}
            said = {names[name]: value for name, value in expected.items() if names[name] not in left_out}
            assert found.signals == pytest.approx(said, abs=1e-9)
            assert all(limits[name][0] <= value <= limits[name][1] for name, value in found.signals.items())
    assert decoded == 4592 + 8237 + 6208 + 6074 + 4217


def snakes(message: Message) -> Iterable[str]:
    return snake_names([signal.name for signal in message.signals]).names


@st.composite
def layouts(draw: st.DrawFn) -> Message:
    """Draw a message of up to 8 bytes whose signals lie apart: of any byte order, sign and width."""
    size = draw(st.integers(1, 8))
    border = 8 * draw(st.integers(0, size))  # up to which signals are big-endian
    cuts = sorted({border, *draw(st.sets(st.integers(0, 8 * size), min_size=2, max_size=8))})
    signals = [
        Signal(
            f"s{number}",
            8 * (low // 8) + 7 - low % 8 if low < border else low,
            high - low,
            "big_endian" if low < border else "little_endian",
            draw(st.booleans()),
            conversion=BaseConversion.factory(
                draw(st.sampled_from([0.1, 0.015625, 0.02, 3, -0.5])), draw(st.sampled_from([0, -819.2, -50]))
            ),
        )
        for number, (low, high) in enumerate(pairwise(cuts))
    ]
    return Message(0x100, "M", size, signals)


@given(layouts(), st.data())
def test_what_is_encoded_is_what_cantools_decodes(message, data):
    slots = [
        (
            Scaled(
                each.name, each.length, "signed" if each.is_signed else "unsigned", (each.scale, each.offset)
            ),
            Field(
                each.start,
                each.length,
                "little" if each.byte_order == "little_endian" else "big",
                "signed" if each.is_signed else "unsigned",
            ),
        )
        for each in message.signals
    ]
    layout = Layout(slots, message.length)
    frames = data.draw(st.lists(st.binary(min_size=message.length, max_size=message.length), min_size=1))
    if all(signal.length <= WIDEST for signal in message.signals):
        made = layout.encode(layout.decode(Block.of(frames)))
        for frame, again in zip(frames, unworded(made, message.length), strict=True):
            assert message.decode_simple(again) == message.decode_simple(frame)
