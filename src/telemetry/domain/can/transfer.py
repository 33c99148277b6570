"""Transport protocol of SAE J1939-21: messages of 9 to 1785 bytes, which are sent as packets of 7 bytes.

A transfer begins with a control frame that says how many bytes and packets come, and of which group the
message is. A broadcast (BAM) goes to all. A transfer to one destination is asked for (RTS), and the
destination grants packets (CTS); it may ask for some again. Each packet is a frame whose first byte is its
number, from 1. The message is complete once every packet has come. It becomes one frame, under the id that a
short message of its group, source and destination would have, at the time of its last packet.

A transfer ends without a message if one side aborts it, if another begins between the same two, or if no
frame of it has come for as long as the protocol allows.
"""

from collections import Counter
from typing import Final, NamedTuple

import msgspec

from telemetry.domain.can import j1939
from telemetry.domain.can.frame import Frame
from telemetry.domain.can.j1939 import Address

FORMATS: Final = (0xEB, 0xEC)
"""What an extended id has in its bits from the 16th on (10 bits), if its frame belongs to a transfer."""

_DATA: Final = 0xEB00
_CONTROL: Final = 0xEC00
_REQUEST, _GRANT, _BROADCAST, _ABORT = 16, 17, 32, 255
_FRAME: Final = 8  # bytes of every control frame and every packet
_PAYLOAD: Final = 7
_LONGEST: Final = 255 * _PAYLOAD
_PATIENCE_S: Final = 1.25  # T2 and T3 of J1939-21, the longest of its times


class _Key(NamedTuple):
    """The two between whom a transfer goes, and their bus."""

    bus: str
    source: int
    destination: int


class _Transfer(msgspec.Struct):
    """A message that is not complete."""

    can_id: int
    size: int
    packets: int
    seen_s: float
    data: dict[int, bytes] = msgspec.field(default_factory=dict)

    def take(self, packet: bytes) -> None:
        """Keep a packet, if it is one of this message, and whole; the last one need not be filled up."""
        number = packet[0] if packet else 0
        needed = min(_PAYLOAD, self.size - _PAYLOAD * (number - 1))
        if 0 < number <= self.packets and len(packet) > needed:
            self.data[number] = packet[1 : 1 + _PAYLOAD]


class Transfers:
    """The transfers that are under way on all buses of a log.

    `incomplete` counts the messages that were given up, by id.
    """

    def __init__(self) -> None:
        self._open: dict[_Key, _Transfer] = {}
        self.incomplete: Counter[int] = Counter()

    def take(self, frame: Frame) -> Frame | None:
        """Take the next frame of a transfer; return the message that it completes, if it does."""
        group, source, destination = j1939.address(frame.can_id)
        key = _Key(frame.bus, source, destination)
        if group == _DATA:
            return self._packet(key, frame)
        if group == _CONTROL:
            self._control(key, frame)
        return None

    def end(self) -> None:
        """Give up every transfer that is under way."""
        for key in list(self._open):
            self._give_up(key)

    def _control(self, key: _Key, frame: Frame) -> None:
        kind = frame.data[0] if frame.data else None
        back = _Key(key.bus, key.destination, key.source)
        if kind in {_REQUEST, _BROADCAST}:
            self._give_up(key)
            self._begin(key, frame)
        elif kind == _GRANT and (transfer := self._open.get(back)):
            transfer.seen_s = frame.timestamp_s
        elif kind == _ABORT:
            self._give_up(key)
            self._give_up(back)

    def _begin(self, key: _Key, frame: Frame) -> None:
        if len(frame.data) < _FRAME:
            return
        size, packets = int.from_bytes(frame.data[1:3], "little"), frame.data[3]
        if not _FRAME < size <= _LONGEST or packets != -(-size // _PAYLOAD):
            return
        group = int.from_bytes(frame.data[5:8], "little") & 0x3FFFF
        whole = Address(group, key.source, key.destination)
        can_id = j1939.can_id(j1939.priority(frame.can_id), whole)
        self._open[key] = _Transfer(can_id, size, packets, frame.timestamp_s)

    def _packet(self, key: _Key, frame: Frame) -> Frame | None:
        if not (transfer := self._open.get(key)):
            return None
        if not abs(frame.timestamp_s - transfer.seen_s) <= _PATIENCE_S:
            self._give_up(key)
            return None
        transfer.seen_s = frame.timestamp_s
        transfer.take(frame.data)
        if len(transfer.data) < transfer.packets:
            return None
        del self._open[key]
        joined = b"".join(transfer.data[number] for number in range(1, transfer.packets + 1))
        return Frame(frame.timestamp_s, transfer.can_id, joined[: transfer.size], True, frame.bus)  # noqa: FBT003

    def _give_up(self, key: _Key) -> None:
        if transfer := self._open.pop(key, None):
            self.incomplete[transfer.can_id] += 1
