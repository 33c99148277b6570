from pathlib import Path

import cantools
import pytest

from telemetry.adapters.can.dbc import Dbc
from telemetry.adapters.can.log import CanLog
from telemetry.domain.frame import Decoded, Frame, UndecodableFrameError, UnreadableError

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

BO_ 602 Empty: 8 Vector__XXX

SIG_VALTYPE_ 2147483922 ratio : 1;
VAL_ 274 contactor_state 0 "open" 1 "precharge" 2 "closed" 3 "invalid" ;
"""


def write(path: Path, definitions: str) -> Path:
    path.write_text(f'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_:\n{definitions}')
    return path


@pytest.fixture
def dbc(tmp_path) -> Dbc:
    return Dbc(write(tmp_path / "small.dbc", DEFINITIONS))


def frame(can_id: int, data: str, *, is_extended: bool = False) -> Frame:
    return Frame(0.0, can_id, bytes.fromhex(data), is_extended)


def test_a_frame_is_decoded_to_named_and_rounded_signals(dbc):
    assert dbc.decode(frame(274, "85 1F C3 0D FF FE 02 00")) == Decoded(
        {"pack_current_a": -12.3, "pack_voltage": 352.3, "balance": -2.0, "contactor_state": 2.0}, []
    )


def test_what_is_not_available_is_left_out_and_named(dbc):
    decoded = dbc.decode(frame(274, "FF FF FF FF FF FF 03 00"))
    assert decoded == Decoded({"balance": -1.0, "contactor_state": 3.0}, ["pack_current_a", "pack_voltage"])


def test_a_frame_that_is_not_defined_gives_nothing(dbc):
    assert dbc.decode(frame(275, "00")) is None


def test_a_standard_and_an_extended_frame_of_one_id_have_definitions_of_their_own(dbc):
    assert dbc.decode(frame(274, "00 00 00 40", is_extended=True)) == Decoded({"ratio": 2.0}, [])
    assert dbc.decode(frame(600, "00 00 00", is_extended=True)) is None


def test_a_definition_that_names_no_signal_does_not_count(dbc):
    assert dbc.decode(frame(602, "00 00 00 00 00 00 00 00")) is None


def test_a_multiplexed_frame_gives_the_signals_of_its_page(dbc):
    assert dbc.decode(frame(600, "00 0A 00")) == Decoded({"page": 0.0, "volts": 1.0}, [])
    assert dbc.decode(frame(600, "01 0A 00")) == Decoded({"page": 1.0, "amps": 5.0}, [])


@pytest.mark.parametrize(
    ("can_id", "data", "why"),
    [
        (600, "09 00 00", "expected multiplexer id 0 or 1, but got 9"),
        (601, "00 00 00 00 00 00 00 00", "unpacking failed"),
        (274, "05", "1 bytes hold none of its signals whole"),
        (274, "", "0 bytes hold none of its signals whole"),
    ],
)
def test_a_frame_that_does_not_fit_its_definition_says_why(dbc, can_id, data, why):
    with pytest.raises(UndecodableFrameError, match=why):
        dbc.decode(frame(can_id, data))


def test_a_frame_longer_than_its_definition_is_decoded_as_if_it_were_not(dbc):
    assert dbc.decode(frame(600, "01 0A 00 FF FF")) == Decoded({"page": 1.0, "amps": 5.0}, [])


@pytest.mark.parametrize("size", range(2, 8))
def test_of_a_shorter_frame_the_signals_that_are_whole_have_the_values_of_the_full_frame(dbc, size):
    data = "85 1F C3 0D 12 34 02 00"
    whole = dbc.decode(frame(274, data))
    cut = dbc.decode(frame(274, data[: 3 * size]))
    assert whole is not None
    assert cut is not None
    assert cut.is_short
    assert cut.signals.items() <= whole.signals.items()
    assert len(cut.signals) == {2: 1, 3: 1, 4: 2, 5: 2, 6: 3, 7: 4}[size]


@pytest.mark.parametrize("content", [b"", b"BO_ what", b"\x7fELF\x00\xff\x81"])
def test_a_file_that_is_no_dbc_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.dbc").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"bad\.dbc: it is no DBC file"):
        Dbc(tmp_path / "bad.dbc")


def test_definitions_that_are_not_there_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.dbc"):
        Dbc(tmp_path / "none.dbc")


def test_two_signals_of_a_frame_that_would_get_one_name_are_both_named(tmp_path):
    signals = ' SG_ PackV : 0|8@1+ (1,0) [0|0] "" X\n SG_ pack_v : 8|8@1+ (1,0) [0|0] "" X\n'
    path = write(tmp_path / "twins.dbc", f"\nBO_ 1 Twins: 8 X\n{signals}")
    with pytest.raises(UnreadableError, match=r"twins\.dbc: in Twins, PackV and pack_v would both be named"):
        Dbc(path)


def test_all_real_logs_decode_to_what_cantools_says_and_nothing_unavailable_is_a_number(real_data):
    dbc = Dbc(real_data / "i3_sme_facts.dbc")
    peer = cantools.database.Database(strict=False)
    peer.add_dbc_file(str(real_data / "i3_sme_facts.dbc"))
    limits = {s.name.lower(): (s.minimum, s.maximum) for m in peer.messages for s in m.signals}
    decoded = 0
    for path in sorted((real_data / "i3_can_logs").glob("*.log.gz")):
        for each in CanLog(path):
            if found := dbc.decode(each):
                decoded += 1
                expected = peer.decode_message(each.can_id, each.data, decode_choices=False)
                assert isinstance(expected, dict)
                lowered = {name.lower(): value for name, value in expected.items()}
                assert found.signals == pytest.approx(
                    {name: value for name, value in lowered.items() if name not in found.unavailable},
                    abs=1e-9,
                )
                for name, value in found.signals.items():
                    low, high = limits[name]
                    assert low is not None
                    assert high is not None
                    assert low <= value <= high
    assert decoded == 4592 + 8237 + 6208 + 6074 + 4217
