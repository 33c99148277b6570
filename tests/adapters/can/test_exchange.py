"""Definitions in KCD, SYM and ARXML files."""

import logging
from pathlib import Path

import pytest
from cantools.database.can import Message

from telemetry.adapters.can import exchange
from telemetry.adapters.can.catalogue import read
from telemetry.adapters.can.definitions import Definitions
from telemetry.adapters.can.pieces import SymDocument, XmlDocument
from telemetry.adapters.can.salvage import Salvage
from telemetry.domain.can.bits import Block
from telemetry.domain.can.entries import Notes
from telemetry.domain.can.frame import UnreadableError
from tests.can_outcomes import Decoded, read_each

KCD = """<?xml version="1.0" encoding="UTF-8"?>
<NetworkDefinition xmlns="http://kayak.2codeornot2code.org/1.0">
  <Document name="pack"/>
  <Bus name="drive">
    <Message id="0x123" name="Pack" length="8" interval="100">
      <Multiplex name="page" offset="0" length="8">
        <MuxGroup count="1"><Signal name="CellV" offset="8" length="8"><Value slope="0.02"/></Signal></MuxGroup>
        <MuxGroup count="2"><Signal name="CellT" offset="8" length="8"><Value intercept="-40"/></Signal></MuxGroup>
      </Multiplex>
      <Signal name="Soc" offset="16" length="8" endianess="big"><Value max="100"/></Signal>
      <Signal name="Mode" offset="24" length="8"><LabelSet><Label name="on" value="255"/></LabelSet></Signal>
      <Signal name="Far" offset="64" length="8"/>
    </Message>
    <Message id="0x18FEF1FE" name="Long" length="8" format="extended">
      <Signal name="Ratio" offset="0" length="32"><Value type="single"/></Signal>
      <Signal name="Balance" offset="32" length="8"><Value type="signed"/></Signal>
    </Message>
  </Bus>
</NetworkDefinition>
"""

SYM = """FormatVersion=6.0 // Do not edit this line!
Title="pack"

{SIGNALS}
Sig=Soc unsigned 8 /u:"%" /f:0.5 /max:100
Sig=Current signed 16 /u:A /f:0.1

{SENDRECEIVE}

[Pack]
ID=123h
Len=8
Sig=Soc 0
Sig=Current 8
"""

ARXML = """<?xml version="1.0" encoding="UTF-8"?>
<AUTOSAR xmlns="http://autosar.org/schema/r4.2.1"><AR-PACKAGES/></AUTOSAR>
"""


def test_a_kcd_file_is_read_with_its_multiplexed_signals_and_states(tmp_path):
    (tmp_path / "pack.kcd").write_text(KCD)
    catalogue = read(tmp_path / "pack.kcd")
    pack, long = catalogue.definitions
    assert (pack.can_id, pack.is_extended, pack.period_ms) == (0x123, False, 100)
    assert read_each(
        pack.layout, [b"\1\xb4\x50\xff\0\0\0\0", b"\2\x41\x50\0\0\0\0\0", b"\3\x41\x65\0\0\0\0\0"]
    ) == [
        Decoded({"page": 1.0, "cell_v": 3.6, "soc": 80.0, "mode": 255.0}),
        Decoded({"page": 2.0, "cell_t": 25.0, "soc": 80.0, "mode": 0.0}),
        Decoded({"page": 3.0, "soc": 101.0, "mode": 0.0}, outside=("soc",)),
    ]
    assert catalogue.notes == {"left out, beyond the end of the message": ["Far (Pack)"]}
    assert (long.can_id, long.is_extended) == (0x18FEF1FE, True)
    assert read_each(long.layout, [bytes.fromhex("0000c03ffe000000")]) == [
        Decoded({"ratio": 1.5, "balance": -2.0})
    ]


@pytest.mark.parametrize("head", ["", "// a comment before\n\n"])
def test_a_sym_file_is_read(tmp_path, head):
    (tmp_path / "pack.sym").write_text(head + SYM)
    (pack,) = read(tmp_path / "pack.sym").definitions
    assert read_each(pack.layout, [bytes.fromhex("A0 FE FF 00 00 00 00 00")]) == [
        Decoded({"soc": 80.0, "current": -0.2})
    ]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (
            "old.sym",
            SYM.replace("6.0", "5.0"),
            r"old\.sym: it cannot be read as SYM: Only SYM version 6\.0 is",
        ),
        ("cut.kcd", KCD[:400], r"cut\.kcd: it cannot be read as KCD: "),
        (
            "odd.arxml",
            ARXML.replace("r4.2.1", "odd"),
            r"odd\.arxml: it cannot be read as ARXML: Unrecognized XML names",
        ),
        ("empty.arxml", ARXML, r"empty\.arxml: it defines no signal$"),
        ("page.xml", "<html></html>", r"page\.xml: it is XML, but neither KCD nor ARXML; convert it to DBC"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason_in_one_line(tmp_path, name, content, why):
    (tmp_path / name).write_text(content)
    with pytest.raises(UnreadableError, match=why) as refusal:
        read(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_what_a_file_defines_twice_is_noted_and_nothing_is_logged(tmp_path, caplog):
    twice = KCD.replace('id="0x18FEF1FE"', 'id="0x123"').replace(' format="extended"', "")
    (tmp_path / "twice.kcd").write_text(twice)
    with caplog.at_level(logging.WARNING):
        catalogue = read(tmp_path / "twice.kcd")
    assert catalogue.notes["defined more than once, the last counts"] == ["0x123"]
    assert not caplog.records


def test_a_message_that_holds_other_messages_is_left_out_and_noted():
    inner = Message(1, "Inner", 8, [])
    outer = Message(2, "Outer", 64, [], contained_messages=[inner])
    notes = Notes(list)
    assert list(exchange._messages([outer], notes)) == []
    assert notes == {"left out, it holds other messages": ["Outer"]}


def names(path: Path, network: str = "") -> dict[str, list[str]]:
    """Return the signals that can be read, by message."""
    found = read(path, network).definitions
    return {each.name: list(each.layout.names) for each in found}


def test_an_odd_thing_in_a_kcd_file_costs_itself(tmp_path):
    odd = KCD.replace('offset="24" length="8"', 'offset="24" length="eight"').replace("0x18FEF1FE", "long")
    (tmp_path / "odd.kcd").write_text(odd)
    assert names(tmp_path / "odd.kcd") == {"Pack": ["page", "cell_v", "cell_t", "soc"]}
    (left_out,) = [
        which for what, which in read(tmp_path / "odd.kcd").notes.items() if "not understood" in what
    ]
    assert [each.partition(":")[0] for each in left_out] == ["Mode (Pack)", "Long"]
    assert "eight" in left_out[0]


def test_an_odd_thing_in_a_sym_file_costs_itself(tmp_path):
    odd = f"{SYM}Sig=Unknown 24\n\n[Odd]\nID=124h\nLen=8\nMux=M 0,0 0 -t\nSig=Soc 8\n\n[Bad]\nLen=8\nID=???\n"
    (tmp_path / "odd.sym").write_text(odd)
    assert names(tmp_path / "odd.sym")["Pack"] == ["soc", "current"]
    left_out = read(tmp_path / "odd.sym").notes["left out, it is not understood"]
    assert "Unknown (Pack)" in [each.partition(":")[0] for each in left_out]


def test_what_is_odd_outside_of_all_messages_refuses_the_file(tmp_path):
    (tmp_path / "odd.sym").write_text(SYM.replace("signed 16", "signed sixteen"))
    with pytest.raises(UnreadableError, match="it cannot be read as SYM"):
        read(tmp_path / "odd.sym")


def test_a_frame_of_an_arxml_file_can_be_left_out_by_its_name():
    document = XmlDocument(
        "<AUTOSAR><CAN-FRAME-TRIGGERING><SHORT-NAME>a</SHORT-NAME></CAN-FRAME-TRIGGERING>"
        "<!-- c --><CAN-FRAME-TRIGGERING/></AUTOSAR>"
    )
    assert [each.name for each in document.pieces] == ["a", "?"]
    assert "SHORT-NAME" not in document.text({1})
    assert document.text({0, 1}).count("<CAN-FRAME-TRIGGERING") == 2


TWO = (
    KCD.replace("</NetworkDefinition>", "")
    + """
  <Bus name="body">
    <Message id="0x123" name="Door" length="8"><Signal name="Open" offset="0" length="8"/></Message>
  </Bus>
</NetworkDefinition>
"""
)


def test_one_of_several_buses_in_a_file_can_be_chosen(tmp_path):
    path = tmp_path / "two.kcd"
    path.write_text(TWO)
    assert list(names(path, "drive")) == ["Pack", "Long"]
    assert list(names(path, "body")) == ["Door"]
    said = "of several buses, all are read; #NAME after the file chooses one"
    assert read(path).notes[said] == ["drive", "body"]
    assert said not in read(path, "body").notes
    with pytest.raises(UnreadableError, match="it has no bus hull; those that it has: drive, body"):
        read(path, "hull")
    with pytest.raises(
        UnreadableError, match=r"bmw_i3\.dbc: a DBC file is of one bus, and none in it is called hull"
    ):
        read(network="hull")


def test_two_buses_of_one_file_are_for_two_buses_of_a_log(tmp_path):
    path = tmp_path / "two.kcd"
    path.write_text(TWO)
    definitions = Definitions([f"can0={path}#drive", f"can1={path}#body"])
    door, pack = (definitions.find(bus, 0x123, False) for bus in ("can1", "can0"))  # noqa: FBT003  # not extended
    assert door
    assert pack
    assert list(door(Block.of([bytes(8)]))[0].names) == ["open"]
    path.rename(tmp_path / "a#b.kcd")
    assert Definitions([str(tmp_path / "a#b.kcd")]).find("", 0x123, False)  # noqa: FBT003  # as above


def test_pieces_that_only_together_are_not_read_are_found_one_by_one():
    text = "".join(f"[{name}]\nSig={name} 0\n" for name in "abcdefgh")

    def parse(part: str) -> str:
        if bad := [line for line in part.splitlines() if line in ("[c]", "Sig=f 0")]:
            raise ValueError(f"{bad[0]} is odd")
        return part

    notes = Notes(list)
    read_part = Salvage(SymDocument(f"{{SEND}}\n{text}"), parse).read(notes)
    assert [line for line in read_part.splitlines() if "[" in line] == [f"[{each}]" for each in "abdegh"]
    assert notes["left out, it is not understood"] == ["c: [c] is odd", "f: Sig=f 0 is odd"]
