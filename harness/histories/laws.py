"""What must hold at every moment, whatever is at fault: laws that are watched from outside of the product."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from harness.histories import stored
from harness.histories.compacted import Lake
from harness.histories.loop import Process
from harness.histories.options import HOUR_MS
from harness.histories.stored import Identity, Line
from telemetry.domain.transport.lease import Delivery

LATENESS_MS: Final = 600_000
"""How late a record may come without being late."""

EQUAL: Final = "an hour equals one pass over its records"
_ROUNDED_S: Final = 0.002  # by which a queue that counts milliseconds may be off
_LAPSED: Final = 0.95  # of a lease, after which an undisturbed holder has extended it


class BrokenError(Exception):
    """A promise was broken; `law` names it."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law


class Promised(NamedTuple):
    """A record that was answered 202, or that a foreign producer put on the queue."""

    line: Line
    is_foreign: bool


class Laws:
    """Watches what is put into the store; remembers what was promised."""

    def __init__(self, objects: Callable[[], Mapping[str, bytes]], fail: Callable[[Exception], None]) -> None:
        """Read all objects, by their keys, from `objects`."""
        self._objects = objects
        self._fail = fail
        self.lake = Lake(objects, self._broken)
        self._asked: tuple[Process, int] | None = None
        self._complete: dict[int, tuple[int, str]] = {}
        self.promised: list[Promised] = []

    def promise(self, lines: Iterable[Line], *, is_foreign: bool = False) -> None:
        """Note records that were accepted."""
        self.promised += [Promised(line, is_foreign) for line in lines]

    def asked(self, process: Process) -> None:
        """Note that a process found out at this moment what the queue holds."""
        self._asked = process, len(self.promised)

    def put(self, process: Process, key: str, data: bytes) -> None:
        """Check an object that a process has put."""
        self.lake.put(key, data)
        if key.startswith("aggregated/"):
            if key.endswith(".json"):
                self._check_figures(process, key, stored.decode(data))
            elif key.endswith("/_COMPLETE"):
                self._check_marker(key, stored.decode(data))

    def _check_figures(self, process: Process, key: str, figures: Mapping[str, Any]) -> None:
        certificate = figures["certificate"]
        hour = stored.hour_at(key)
        marker = f"{key.rpartition('/')[0]}/_COMPLETE"
        if marker in self._objects():
            self._broken("the marker goes before the figures change", key)
        revision = certificate["revision"], certificate["history"][-1]["input_digest"]
        if certificate["state"] == "complete" and self._complete.get(hour) != revision:
            self._complete[hour] = revision
            self._check_complete(process, hour, figures)

    def _check_complete(self, process: Process, hour: int, figures: Mapping[str, Any]) -> None:
        """Check that nothing was on its way when it was asked whether anything was."""
        asker, count = self._asked or (None, 0)
        if asker is not process:
            self._broken("nothing is complete before it was asked", str(hour))
            return
        closes_ms = (hour + 1) * HOUR_MS + LATENESS_MS
        due = {
            each.line.identity
            for each in self.promised[:count]
            if each.line.place == ("raw", hour)
            and not (each.is_foreign and each.line.received_ms >= closes_ms)
        }
        there = {line.identity for line in self.lake.records(hour)}
        if missing := due - there:
            self._broken(
                "complete is never said too early", f"{hour}: {sorted(missing)[:3]} are on their way"
            )
        elif figures["unique"] < len(due):
            self._broken("complete is never said too early", f"{hour}: {figures['unique']} of {len(due)}")

    def _check_marker(self, key: str, marker: Mapping[str, Any]) -> None:
        folder = key.rpartition("/")[0]
        named = next(each for each in self._objects() if each.startswith(f"{folder}/aggregated-"))
        certificate = stored.decode(self._objects()[named])["certificate"]
        said = certificate["state"], certificate["revision"]
        if said != ("complete", marker["revision"]):
            self._broken("a marker names the figures that are there", f"{marker} beside {said}")

    def _broken(self, law: str, what: str) -> None:
        self._fail(BrokenError(law, what))


class Leases:
    """Watches that nobody is given a message on lease, and that a holder keeps its lease.

    A holder has to extend it in time as long as it is alive and was not disturbed.
    """

    def __init__(
        self, visibility_s: float, now_s: Callable[[], float], fail: Callable[[Exception], None]
    ) -> None:
        self._visibility_s = visibility_s
        self._now_s = now_s
        self._fail = fail
        self._holders: dict[str, tuple[Process, float]] = {}
        self._until_s: dict[str, float] = {}
        self._disturbed_s: defaultdict[str, float] = defaultdict(float)

    def disturbed(self, *roles: str, for_s: float = 0.0) -> None:
        """Note that something keeps roles from their work, or from the queue, for so long from now."""
        until_s = self._now_s() + for_s
        for role in roles:
            self._disturbed_s[role] = max(self._disturbed_s[role], until_s)

    def leased(self, deliveries: Sequence[Delivery]) -> None:
        """Check that messages that are given to somebody are on no other lease."""
        now_s = self._now_s()
        for each in deliveries:
            number = _number(each.handle)
            if now_s < self._until_s.get(number, 0.0) - _ROUNDED_S:
                self._fail(BrokenError("a message on lease is given to nobody else", f"message {number}"))
            self._until_s[number] = now_s + self._visibility_s

    def extended(self, handles: Iterable[str], duration_s: float) -> None:
        """Note that leases end so much later than now, and no earlier."""
        self._until_s |= dict.fromkeys(map(_number, handles), self._now_s() + duration_s)

    def received(self, process: Process, deliveries: Sequence[Delivery]) -> None:
        """Note who holds messages, and check that nobody else did."""
        self.leased(deliveries)
        now_s = self._now_s()
        for each in deliveries:
            number = _number(each.handle)
            holder, since_s = self._holders.get(number, (process, now_s))
            quiet_s = now_s - max(since_s, self._disturbed_s[holder.role])
            renews = holder.role.startswith("consumer") and holder.is_running and not holder.is_stopping
            if renews and quiet_s > _LAPSED * self._visibility_s:
                self._fail(
                    BrokenError("a live holder keeps its lease", f"{holder.role} lost message {number}")
                )
            self._holders[number] = process, now_s

    def ended(self, handles: Iterable[str]) -> None:
        """Note that messages are not held any more, or that their holders were told so."""
        for handle in handles:
            self._holders.pop(_number(handle), None)


def _number(handle: str) -> str:
    """Return which message a handle is of, however often it was received."""
    return handle.partition(":")[0]


__all__ = ["EQUAL", "LATENESS_MS", "BrokenError", "Identity", "Laws", "Leases", "Promised"]
