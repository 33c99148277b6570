"""What a queue promises of its messages: leases, and how a message comes to be a dead letter.

Its rules:

- A message that was sent is there until it is deleted. It is sent as one that was never leased. Messages are
  received in the order in which they were sent, as far as nobody holds them.
- To receive is to lease: for `visibility_ms` nobody else receives the message. Then it is ready again.
- Leases are measured by a clock that never goes back, and that all processes of the machine share until it is
  started anew. So no jump of the wall clock hides a message, ends a lease, or prolongs one. A lease that
  begins later than now is of a machine that has been started anew since, and is over.
- Every lease has a handle of its own. Only the handle of the newest lease, while that lasts, deletes or
  extends. An older one is refused, and refusing changes nothing. So a holder who came too late cannot harm
  the next one.
- Extending sets the end of the lease anew, from now. Extending by nothing hands the message back.

A message that kills each process that holds it has to be found, and no other may be taken for it:

- Each lease is a strike against its message. A holder that hands the message back acquits it, and so does one
  that says that something else is at fault: then none of its leases so far counts any more.
- A message that comes back with `SUSPECT_AFTER` strikes is a suspect. It is received alone, and only while no
  other suspect is on lease, the one with the fewest strikes first. So whatever dies with a suspect dies by
  that suspect or by something outside of the queue, and deaths from outside are spread over all suspects.
- A message that comes back with `max_receives` strikes is not leased again. It becomes a dead letter, is kept
  as such, and can be redriven, which sends it anew under the time at which it was first sent.

Times of leases are milliseconds of the clock that never goes back. The time at which a message was sent is
epoch milliseconds.
"""

from typing import Final, Literal

import msgspec

SUSPECT_AFTER: Final = 2
"""How many strikes make a suspect: one death may hit any message, and the second in a row hardly does."""


BURIED: Final = (
    "New dead letters: %d, each on lease %d times without an answer; see telemetry dead-letters list"
)
"""What the log says of new dead letters: how many, and after how many strikes."""


class LeaseTerms(msgspec.Struct, frozen=True):
    """How long a lease lasts, and after how many strikes a message is a dead letter."""

    visibility_ms: int = 30_000
    max_receives: int = 10


State = Literal["ready", "leased", "dead"]
"""What a message waits for: to be received, to be deleted, or to be redriven."""


class Delivery(msgspec.Struct, frozen=True):
    """A message on lease, with the handle of that lease; `receives` counts its leases, this one included."""

    handle: str
    body: bytes
    sent_ms: int
    receives: int


class Depth(msgspec.Struct, frozen=True):
    """How many messages a queue holds: to be received, on lease, and dead."""

    ready: int
    leased: int
    dead: int

    @property
    def total(self) -> int:
        return self.ready + self.leased + self.dead


def lease_handle(number: int, receives: int) -> str:
    """Name a lease: the message's number, and which of its leases it is."""
    return f"{number}:{receives}"


def parse_handle(text: str) -> tuple[int, int]:
    """Read a lease handle back. Raise ValueError if it is none."""
    number, _, receives = text.partition(":")
    return int(number), int(receives)
