"""The formats that are known, and what a file may be that is none of them."""

from collections.abc import Mapping, Sequence
from typing import Final

from telemetry.adapters.can.logs.asc import ASC
from telemetry.adapters.can.logs.blf import BLF
from telemetry.adapters.can.logs.busmaster import BUSMASTER
from telemetry.adapters.can.logs.candump import CANDUMP
from telemetry.adapters.can.logs.console import CONSOLE
from telemetry.adapters.can.logs.crtd import CRTD
from telemetry.adapters.can.logs.csv import CABANA, PYTHON_CAN
from telemetry.adapters.can.logs.format import Format, first_lines
from telemetry.adapters.can.logs.gvret import GVRET
from telemetry.adapters.can.logs.mf4 import MF4
from telemetry.adapters.can.logs.trc import TRC

FORMATS: Final[Sequence[Format]] = (
    BLF,
    MF4,
    BUSMASTER,
    TRC,
    GVRET,
    PYTHON_CAN,
    CABANA,
    CANDUMP,
    CRTD,
    CONSOLE,
    ASC,
)
"""In the order in which they are tried: what says its own name comes first."""

_BINARY: Final[Mapping[bytes, str]] = {
    b"\xd4\xc3\xb2\xa1": "a capture of packets (pcap); replay it on a virtual bus, and log that with candump -L",
    b"\x0a\x0d\x0d\x0a": "a capture of packets (pcapng); replay it on a virtual bus, and log that with candump -L",
    b"SQLite format 3": "an SQLite database; export it as a log",
    b"PAR1": "a Parquet file; export it as a log",
    b"\x89HDF": "an HDF5 file; export it as a log",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\xff\xfe": "a text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "a text in UTF-16; save it as UTF-8",
    b"PK\x03\x04": "a ZIP archive; it can be read from a file, and from no pipe",
}
_TEXT: Final[Mapping[str, str]] = {
    "BO_ ": "a DBC file, which holds definitions; give it to --dbc",
    '{"timestamp"': "a file of records, which are decoded already; post them to /ingest",
    "<?xml": "an XML file; a KCD or ARXML file goes to --dbc",
}


def recognise(head: bytes) -> Format | None:
    """Return the format of a log that begins so, None if it is none that is known."""
    return next((each for each in FORMATS if each.recognises(head)), None)


def guess(head: bytes) -> str:
    """Say what a file is that is no log that is known, and what to do with it."""
    if not head:
        return "it is empty"
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            return f"it seems to be {what}"
    for line in first_lines(head):
        for begin, what in _TEXT.items():
            if line.startswith(begin):
                return f"it seems to be {what}"
    kinds = ", ".join(each.name for each in FORMATS)
    seems = "binary data" if b"\0" in head else "a text"
    return f"it seems to be {seems} that is no log of a known kind: {kinds}"
