"""DBC files with odd things in them: each costs itself, is noted, and never costs the file."""

from collections.abc import Mapping, Sequence

import pytest

from telemetry.adapters.can import dbc
from telemetry.domain.can import compiling
from telemetry.domain.can.definitions import Catalogue
from telemetry.domain.can.entries import Notes
from telemetry.domain.can.frame import Frame
from tests.adapters.can import decoding
from tests.can_outcomes import Decoded, Outcome

HEAD = 'VERSION ""\n\nNS_ :\n\tCM_\n\tVAL_\n\tSG_MUL_VAL_\n\nBS_:\n\nBU_: Vector__XXX\n\n'
PACK = 'BO_ 291 Pack: 8 Vector__XXX\n SG_ v : 0|16@1+ (0.1,0) [0|0] "V" Vector__XXX\n\n'
V = Frame(0.0, 291, bytes.fromhex("1027000000000000"))


def catalogue(text: str) -> Catalogue:
    notes = Notes(list)
    return compiling.catalogue(dbc.entries(HEAD + text, notes), notes)


def decode(text: str, *frames: Frame) -> Sequence[Outcome | None]:
    return decoding.decode(catalogue(text), *frames)


def notes(text: str) -> Mapping[str, Sequence[str]]:
    """Return the notes on a file, in which the voltage is decoded whatever else is there."""
    outcome = decode(text, V)[0]
    assert isinstance(outcome, Decoded)
    assert outcome.signals["v"] == 1000.0
    return catalogue(text).notes


def test_a_file_without_odd_things_has_no_notes():
    assert notes(PACK) == {}


def test_signals_that_share_bits_are_each_decoded():
    text = (
        "BO_ 291 Pack: 8 Vector__XXX\n"
        ' SG_ soc : 7|16@0+ (0.1,0) [0|0] "%" Vector__XXX\n'
        ' SG_ soc_fine : 3|12@0+ (0.1,0) [0|0] "%" Vector__XXX\n'
        ' SG_ temp : 39|8@0+ (1,-40) [0|0] "degC" Vector__XXX\n'
    )
    assert decode(text, Frame(0, 291, bytes.fromhex("03E8000041000000"))) == [
        Decoded({"soc": 100.0, "soc_fine": 100.0, "temp": 25.0})
    ]


def test_a_message_of_64_bytes_is_decoded_whatever_the_places_of_its_signals():
    text = 'BO_ 512 Fd: 64 X\n SG_ a : 0|16@1+ (1,0) [0|0] "" X\n SG_ z : 504|8@1+ (1,0) [0|0] "" X\n'
    assert decode(text, Frame(0, 512, b"\1" + bytes(62) + b"\2")) == [Decoded({"a": 1.0, "z": 2.0})]


def test_the_plain_signals_of_a_frame_stay_when_its_page_is_unknown():
    text = (
        "BO_ 291 Daq: 8 X\n"
        ' SG_ pid M : 0|8@1+ (1,0) [0|0] "" X\n'
        ' SG_ soc : 48|16@1+ (0.1,0) [0|0] "" X\n'
        ' SG_ p m0 : 8|16@1+ (1,0) [0|0] "" X\n'
    )
    first, second = bytes.fromhex("001027000000E803"), bytes.fromhex("0D1027000000E803")
    assert decode(text, Frame(0, 291, first), Frame(0, 291, second)) == [
        Decoded({"pid": 0.0, "soc": 100.0, "p": 10000.0}),
        Decoded({"pid": 13.0, "soc": 100.0}),
    ]


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("_4WD_Status", "signal_4_wd_status"),
        ("0_COUNTER", "signal_0_counter"),
        ("Größe-1", "gr_e_1"),
        ("VAL_", "val"),
    ],
)
def test_an_odd_name_of_a_signal_is_mended(name, snake):
    text = PACK + f'BO_ 292 Awd: 8 X\n SG_ {name} : 0|8@1+ (1,0) [0|0] "" X\n'
    assert decode(text, Frame(0, 292, b"\5" + bytes(7))) == [Decoded({snake: 5.0})]
    assert set(notes(text)) <= {"renamed"}


@pytest.mark.parametrize("name", ["2017_5", "A-B", "VAL_", "Größe"])
def test_an_odd_name_of_a_message_does_not_matter(name):
    text = f'BO_ 292 {name}: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] "" X\n' + PACK
    assert decode(text, Frame(0, 292, b"\5" + bytes(7))) == [Decoded({"a": 5.0})]
    assert notes(text) == {}


def test_signals_that_would_share_a_name_are_told_apart_and_noted():
    twins = ' SG_ CellV : 0|8@1+ (1,0) [0|0] "" X\n SG_ Cell_V : 8|8@1+ (1,0) [0|0] "" X\n'
    text = PACK + "BO_ 292 Twin: 8 X\n" + twins + ' SG_ CellV : 16|8@1+ (1,0) [0|0] "" X\n'
    assert decode(text, Frame(0, 292, b"\5\6\7" + bytes(5))) == [
        Decoded({"cell_v": 5.0, "cell_v_2": 6.0, "cell_v_3": 7.0})
    ]
    assert notes(text) == {"renamed": ["Cell_V is named cell_v_2 (Twin)", "CellV is named cell_v_3 (Twin)"]}


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ('VAL_ 291 gone 0 "off" 1 "on" ;', "VAL_ left out, there is no such signal"),
        ('VAL_ 999 v 0 "off" ;', "VAL_ left out, there is no such signal"),
        ("SIG_VALTYPE_ 291 gone : 1;", "SIG_VALTYPE_ left out, there is no such signal"),
    ],
)
def test_what_is_said_of_a_signal_that_is_not_there_is_left_out_and_noted(statement, what):
    assert list(notes(PACK + statement)) == [what]


@pytest.mark.parametrize(
    "statement",
    [
        "SG_MUL_VAL_ 291 gone v 0-1;",
        'BA_ "GenMsgCycleTime" BO_ 999 100;',
        'BA_ "Undefined" SG_ 291 gone 1;',
        'BA_DEF_ BO_ "GenMsgCycleTime" INT broken;',
        "CM_ SG_ 291 gone \"BO_ 1 A: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] '' X\";",
        'CM_ "a comment without its end"',
        'EV_ env: 0 [0|1] "" 0 1 DUMMY_NODE_VECTOR0 X;\nVAL_ env 0 "off" ;',
        'VAL_TABLE_ table 0 "off" ;\nVAL_ 291 v table ;',
        "// BO_ 291 Other: 8 X",
        "what is this",
        'BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 X\n SG_ v : 0|8@1+ (1,0) [0|0] "" X',
    ],
)
def test_what_concerns_no_signal_is_passed_over(statement):
    assert notes(PACK + statement + "\n") == {}
    assert notes(statement + "\n" + PACK) == {}


def test_an_id_above_11_bits_without_the_extended_flag_is_taken_as_extended_and_noted():
    text = PACK + 'BO_ 103596083 BSM: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] "" X\n'
    frame = Frame(0, 103596083, b"\5" + bytes(7), is_extended=True)
    assert decode(text, frame) == [Decoded({"a": 5.0})]
    assert notes(text) == {"taken as extended, the id has more than 11 bits": ["BSM (0x62CC033)"]}


@pytest.mark.parametrize("number", [1075054137, 0xFFFFFFFF, 1 << 40])
def test_a_message_whose_id_no_frame_has_is_left_out_alone_and_noted(number):
    text = f'BO_ {number} Bad: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] "" X\n' + PACK
    assert notes(text) == {"left out, no frame has such an id": [f"Bad ({number})"]}


@pytest.mark.parametrize(
    ("scaling", "value"),
    [("(.25,0)", 1.25), ("(-.5,1.)", -1.5), ("(2E-1, .5)", 1.5), ("( +1 , -0.5e1 )", 0.0)],
)
def test_numbers_are_read_in_each_form_that_they_are_written(scaling, value):
    text = f'BO_ 1 A: 1 X\n SG_ a : 0|8@1+ {scaling} [.5|-.5] "" X\n'
    assert decode(text, Frame(0, 1, b"\5")) == [Decoded({"a": value})]


@pytest.mark.parametrize(
    ("limits", "outside"),
    [
        ("[0|4]", ("a",)),
        ("[0|5]", ()),
        ("[0|0]", ()),
        ("[0.0|0.0]", ()),
        ("[9|0]", ()),
        ("[x|]", ()),
        ("", ()),
    ],
)
def test_a_range_is_what_a_value_may_lie_outside_of_unless_it_is_none(limits, outside):
    text = f'BO_ 1 A: 1 X\n SG_ a : 0|8@1+ (1,0) {limits} "" X\n'
    assert decode(text, Frame(0, 1, b"\5")) == [Decoded({"a": 5.0}, outside=outside)]


@pytest.mark.parametrize(
    ("signal", "shown"),
    [
        (' SG_ a : 0|8@1+ (1;0) [0|0] "" X', 'line 16: SG_ a : 0|8@1+ (1;0) [0|0] "2" X'),
        (" SG_ b", "line 16: SG_ b"),
        (' SG_ c : 0|8@7+ (1,0) [0|0] "" X', 'line 16: SG_ c : 0|8@7+ (1,0) [0|0] "2" X'),
    ],
)
def test_a_signal_that_cannot_be_understood_is_left_out_alone_and_noted_by_line(signal, shown):
    text = f'{PACK}BO_ 292 Odd: 8 X\n{signal}\n SG_ fine : 8|8@1+ (1,0) [0|0] "" X\n'
    assert decode(text, Frame(0, 292, b"\5\6")) == [Decoded({"fine": 6.0}, is_short=True)]
    assert notes(text) == {"left out, not understood": [shown]}


def test_the_signals_of_a_message_that_cannot_be_understood_belong_to_no_other():
    text = PACK + 'BO_ what: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] "" X\n'
    assert notes(text) == {"left out, not understood": ["line 15: BO_ what: 8 X"]}
    assert decode(text, V) == [Decoded({"v": 1000.0})]


def test_statements_need_no_lines_of_their_own():
    text = 'BO_ 1 A: 2 X SG_ a : 0|8@1+ (1,0) [0|0] "" X SG_ b M : 8|8@1+ (1,0) [0|0] "" X BO_ 2 B: 1 X SG_ c : 0|8@1+ (1,0) [0|0] "" X VAL_ 1 a 255 "on";VAL_ 1 b 1 "x";'
    assert decode(text, Frame(0, 1, b"\5\6"), Frame(0, 2, b"\7")) == [
        Decoded({"a": 5.0, "b": 6.0}),
        Decoded({"c": 7.0}),
    ]


def test_all_ones_are_a_value_where_they_are_named_as_a_state():
    text = (
        "BO_ 1 A: 3 X\n"
        ' SG_ gear : 0|8@1+ (1,0) [0|0] "" X\n SG_ mode : 8|8@1+ (1,0) [0|9] "" X\n SG_ soc : 16|8@1+ (1,0) [0|0] "" X\n'
        'VAL_ 1 gear 255 "Reverse" 0 "Park" ;\nVAL_ 1 mode 0 "off" 255 "SNA" ;\n'
    )
    assert decode(text, Frame(0, 1, b"\xff\xff\xff")) == [Decoded({"gear": 255.0}, ("mode", "soc"))]


def test_floats_are_read_where_they_are_declared():
    signals = ' SG_ a : 0|32@1- (1,0) [0|0] "" X\n SG_ b : 32|64@1- (1,0) [0|0] "" X\n'
    text = f"BO_ 1 A: 12 X\n{signals}SIG_VALTYPE_ 1 a : 1;\nSIG_VALTYPE_ 1 b : 2;\n"
    frame = bytes.fromhex("0000c03f") + bytes.fromhex("000000000000f83f")
    assert decode(text, Frame(0, 1, frame)) == [Decoded({"a": 1.5, "b": 1.5})]


def test_a_signal_bears_its_long_name_if_it_has_one():
    text = (
        'BO_ 1 A: 1 X\n SG_ ShortN_0001 : 0|8@1+ (1,0) [0|0] "" X\n'
        'BA_DEF_ SG_ "SystemSignalLongSymbol" STRING ;\n'
        'BA_ "SystemSignalLongSymbol" SG_ 1 ShortN_0001 "BatteryPackVoltage";\n'
    )
    assert decode(text, Frame(0, 1, b"\5")) == [Decoded({"battery_pack_voltage": 5.0})]


@pytest.mark.parametrize(
    ("attributes", "period"),
    [
        ('BA_ "GenMsgCycleTime" BO_ 291 100;', 100),
        ('BA_DEF_DEF_ "GenMsgCycleTime" 50;', 50),
        ('BA_DEF_DEF_ "GenMsgCycleTime" 50;\nBA_ "GenMsgCycleTime" BO_ 291 100.0;', 100),
        ('BA_ "GenMsgCycleTime" BO_ 291 0;', None),
        ('BA_ "GenMsgCycleTime" BO_ 291 "soon";', None),
        ('BA_ "GenMsgCycleTime" BO_ 291 1E999;', None),
        ("", None),
    ],
)
def test_the_period_of_a_message_is_its_own_or_that_of_all(attributes, period):
    assert catalogue(PACK + attributes).definitions[0].period_ms == period


J1939 = 'BO_ 2364540158 EEC1: 8 X\n SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X\n'
ENUM = 'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\n'
SPEED = bytes.fromhex("F07D859B0FFFFF85")


@pytest.mark.parametrize(
    "text",
    [
        J1939,
        J1939 + "BO_ 5 Empty: 8 X\n",
        PACK + J1939 + ENUM + 'BA_ "VFrameFormat" BO_ 2364540158 3;\n',
        PACK + J1939 + ENUM + 'BA_ "VFrameFormat" BO_ 2364540158 "J1939PG";\n',
        PACK + J1939 + ENUM + 'BA_DEF_DEF_ "VFrameFormat" "J1939PG";\n',
        PACK + J1939 + 'BA_DEF_ BO_ "VFrameFormat" INT 0 9;\nBA_ "VFrameFormat" BO_ 2364540158 3;\n',
    ],
)
def test_a_file_that_says_so_or_names_no_source_is_matched_by_group(text):
    assert catalogue(text).is_j1939
    assert (
        decode(
            text, Frame(0, 0x0CF00400, SPEED, is_extended=True), Frame(0, 0x0CF00421, SPEED, is_extended=True)
        )
        == [Decoded({"engine_speed": 499.375})] * 2
    )


@pytest.mark.parametrize(
    "text",
    [
        PACK + J1939,
        PACK + J1939 + ENUM + 'BA_ "VFrameFormat" BO_ 2364540158 1;\n',
        PACK + J1939 + ENUM + 'BA_ "VFrameFormat" BO_ 2364540158 9;\n',
        PACK + ENUM + 'BA_DEF_DEF_ "VFrameFormat" "J1939PG";\n',
    ],
)
def test_a_file_that_says_otherwise_is_matched_by_the_whole_id(text):
    assert not catalogue(text).is_j1939
    assert decode(text, Frame(0, 0x0CF00400, SPEED, is_extended=True)) == [None]


@pytest.mark.parametrize(
    ("raw", "signals", "unavailable", "errors"),
    [
        ("00FA", {"speed": 8000.0}, (), ()),
        ("FFFA", {"speed": 8031.875}, (), ()),
        ("00FB", {}, ("speed",), ()),
        ("00FE", {}, (), ("speed",)),
        ("FFFF", {}, ("speed",), ()),
    ],
)
def test_the_ranges_of_j1939_hold_whatever_the_file_states(raw, signals, unavailable, errors):
    text = 'BO_ 2364540158 EEC1: 2 X\n SG_ speed : 0|16@1+ (0.125,0) [0|9000] "rpm" X\n'
    outcome = decode(text, Frame(0, 0x0CF00400, bytes.fromhex(raw), is_extended=True))
    assert outcome == [Decoded(signals, unavailable, errors=errors)]


def signals(*lines: str) -> str:
    return "BO_ 1 A: 4 X\n" + "".join(f' SG_ {line}|8@1+ (1,0) [0|255] "" X\n' for line in lines)


@pytest.mark.parametrize(
    ("text", "frame", "names"),
    [
        (signals("page M : 0", "a m1 : 8", "b m2 : 8"), "01050607", {"page", "a"}),
        (signals("page M : 0", "a m1 : 8") + "SG_MUL_VAL_ 1 a page 5-7, 9-9;\n", "09050607", {"page", "a"}),
        (signals("page M : 0", "a m1 : 8") + "SG_MUL_VAL_ 1 a page 5-7, 9-9;\n", "08050607", {"page"}),
        (signals("page m0M : 0", "a m1 : 8"), "01050607", {"page", "a"}),
        # Two multiplexers: only SG_MUL_VAL_ says which is whose.
        (
            signals("p M : 0", "q m1M : 8", "a m5 : 16") + "SG_MUL_VAL_ 1 q p 1-1;\nSG_MUL_VAL_ 1 a q 5-5;\n",
            "01050607",
            {"p", "q", "a"},
        ),
        (
            signals("p M : 0", "q m1M : 8", "a m5 : 16") + "SG_MUL_VAL_ 1 q p 1-1;\nSG_MUL_VAL_ 1 a q 5-5;\n",
            "02050607",
            {"p"},
        ),
        # Marked without a number, as some tools write multiplexers.
        (signals("page m : 0", "a m1 : 8") + "SG_MUL_VAL_ 1 a page 1-1;\n", "01050607", {"page", "a"}),
        (signals("page M : 0", "a m : 8") + "SG_MUL_VAL_ 1 a page 1-1;\n", "01050607", {"page", "a"}),
        (
            signals("page M : 0", "a m0 : 8") + "SG_MUL_VAL_ 1 a page 0-4294967295;\n",
            "01050607",
            {"page", "a"},
        ),
    ],
)
def test_multiplexed_signals_are_read_as_the_file_says(text, frame, names):
    (outcome,) = decode(text, Frame(0, 1, bytes.fromhex(frame)))
    assert isinstance(outcome, Decoded)
    assert outcome.signals.keys() == names
    assert not catalogue(text).notes


def test_a_signal_that_may_be_of_either_multiplexer_is_left_out_alone_and_noted():
    text = signals("p M : 0", "q M : 8", "a m5 : 16", "b : 24")
    assert decode(text, Frame(0, 1, b"\5\5\6\7")) == [Decoded({"p": 5.0, "q": 5.0, "b": 7.0})]
    assert catalogue(text).notes == {"left out, its multiplexer is not known": ["a (A)"]}


def test_a_message_of_80_signals_is_one_record_and_says_nothing():
    cells = "".join(f' SG_ cell_{n} : {6 * n}|6@1+ (0.1,0) [0|0] "V" X\n' for n in range(80))
    text = f"BO_ 291 Cells: 64 X\n{cells}"
    (outcome,) = decode(text, Frame(0, 291, b"\x11" * 64))
    assert isinstance(outcome, Decoded)
    assert len(outcome.signals) == 80
    assert not catalogue(text).notes
