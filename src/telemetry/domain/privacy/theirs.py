"""What of a content is of one vehicle: lines of records, and bodies of messages.

A line is of a vehicle if it is a record of it. What is no record and names the vehicle is of it too, because
nobody can say what else it is. A vehicle whose id only begins or ends alike is another one.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from telemetry.domain.contract import codec
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.errors import TelemetryError
from telemetry.domain.transport import envelope
from telemetry.domain.transport.parcel import Parcel

_ESCAPE = b"\\"


class Split(NamedTuple):
    """The lines of one vehicle, and the rest; each without its newline."""

    theirs: Sequence[bytes]
    rest: Sequence[bytes]


class BodySplit(NamedTuple):
    """The lines of one vehicle in a body, and the body without them; None if nothing is left."""

    theirs: Sequence[bytes]
    rest: bytes | None


class Vehicle:
    """One vehicle, by its id."""

    def __init__(self, vehicle_id: str, policy: PartitionPolicy) -> None:
        self.id = vehicle_id
        self._policy = policy
        of_ids = rb"[A-Za-z0-9._:-]"
        self._named = re.compile(rb"(?<!%b)%b(?!%b)" % (of_ids, re.escape(vehicle_id.encode()), of_ids))

    def is_named(self, content: bytes) -> bool:
        """Return whether the id stands in a content as it is."""
        return self._named.search(content) is not None

    def may_be_in(self, content: bytes) -> bool:
        """Return false if no line of a content can be of the vehicle; an id may be written with escapes."""
        return self.is_named(content) or _ESCAPE in content

    def split(self, lines: Sequence[bytes]) -> Split:
        """Split lines of records."""
        theirs: list[bytes] = []
        rest: list[bytes] = []
        for line in lines:
            (theirs if self._is_of(line) else rest).append(line)
        return Split(theirs, rest)

    def split_body(self, body: bytes, sent_ms: int) -> BodySplit:
        """Split the body of a message: an envelope, one record of a foreign producer, or what is neither."""
        try:
            parcel = envelope.decode(body, sent_ms, self._policy)
        except TelemetryError:
            return BodySplit([body], None) if self.is_named(body) else BodySplit([], body)
        lines = parcel.lines.splitlines()
        keeps = [not self._is_of(line) for line in lines]
        theirs = [line for line, keep in zip(lines, keeps, strict=True) if not keep]
        if not theirs:
            return BodySplit([], body)
        if not any(keeps):
            return BodySplit(theirs, None)
        rest = b"".join(line + b"\n" for line, keep in zip(lines, keeps, strict=True) if keep)
        left = Parcel(parcel.partition, parcel.timestamps[keeps], parcel.received[keeps], rest)
        return BodySplit(theirs, envelope.encode([left]))

    def _is_of(self, line: bytes) -> bool:
        if not self.may_be_in(line):
            return False
        record = _decoded(line)
        return self.is_named(line) if record is None else record.vehicle_id == self.id


def _decoded(line: bytes) -> Record | None:
    try:
        return codec.decode_line(line)
    except ValueError:
        return None
