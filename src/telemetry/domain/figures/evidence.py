"""What may hold records of hours beside the raw store: what the queue and the quarantine are asked.

A record goes from the queue to the raw store, or to quarantine and from there to the queue again, and is
always durable in the next place before it leaves the last. So who looks in the order of that way finds it:
first in quarantine, then in the queue, in quarantine again, and only then in the raw store. What was in none
of the first three is in the listing of the fourth, or was accepted after the first look.

A queue that knows only ages does not know the one of what was sent to it out of quarantine. So that counts as
quarantined until all that is in the queue was sent later.
"""

from contextlib import suppress
from typing import Final

import msgspec

from telemetry.domain.contract.moment import Hour, parse_timestamp
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.errors import TelemetryError
from telemetry.domain.figures.certificate import Asked, Held
from telemetry.domain.store import quarantine
from telemetry.domain.store.objects import QUARANTINE
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, Storage
from telemetry.domain.transport import envelope, outlook
from telemetry.domain.transport.lease import Depth
from telemetry.domain.transport.outlook import Outlook, Unplaced, Waiting
from telemetry.domain.transport.queue import Lookout

_NOTHING: Final = Outlook({}, [])
_ROUGHLY: Final = "the counts of the queue lag behind"


class Evidence(msgspec.Struct, frozen=True):
    """What was found at `at_ms` or later; `fault` says what could not be asked."""

    at_ms: int
    queue: Outlook = _NOTHING
    quarantine: Outlook = _NOTHING
    fault: str = ""

    def of_hour(self, hour: Hour, until_ms: int, policy: PartitionPolicy, objects: int = 0) -> Asked:
        """Say what may hold records of an hour that were accepted until `until_ms`."""
        depth = self.queue.hours.get(hour, Depth(0, 0, 0))
        quarantined = self.quarantine.hours.get(hour, Depth(0, 0, 0))
        unplaced = [
            each
            for found in (self.queue, self.quarantine)
            for each in found.unplaced_in(hour, until_ms, policy)
        ]
        held = Held(
            ready=depth.ready,
            leased=depth.leased,
            dead=depth.dead,
            quarantined=quarantined.dead,
            unplaced=sum(each.depth.total for each in unplaced),
            objects=objects,
            fault=self.fault or (_ROUGHLY if any(not each.depth.total for each in unplaced) else ""),
        )
        return Asked(self.at_ms, "none" if self.fault else self.queue.basis, held)


class Inquiry:
    """Asks a queue and the quarantine of a store; remembers quarantined objects, which never change."""

    def __init__(self, storage: Storage, queue: Lookout | None) -> None:
        self._storage = storage
        self._queue = queue
        self._quarantined: dict[str, Outlook] = {}
        self._sent_anew: dict[str, tuple[Outlook, int]] = {}

    async def ask(self, now_ms: int) -> Evidence:
        """Find out what there is; what cannot be asked is said, and not raised."""
        if self._queue is None:
            return Evidence(now_ms, fault="no queue was asked")
        try:
            before = await self._look_at_quarantine()
            found = await self._queue.outlook()
            after = await self._look_at_quarantine()
            self._note(before, found, now_ms)
        except TelemetryError as error:
            return Evidence(now_ms, fault=f"it could not be asked: {error}")
        self._quarantined = before | after
        sent_anew = [each for each, _ in self._sent_anew.values()]
        return Evidence(now_ms, found, outlook.together([*self._quarantined.values(), *sent_anew]))

    def _note(self, before: dict[str, Outlook], queue: Outlook, now_ms: int) -> None:
        """Keep what was in quarantine at the last look and is no more, while it may be in the queue."""
        gone = {key: (each, now_ms) for key, each in self._quarantined.items() if key not in before}
        first_ms = min((each.first_ms for each in queue.unplaced), default=now_ms)
        kept = gone | self._sent_anew if queue.basis == "age" else {}
        self._sent_anew = {key: (each, since) for key, (each, since) in kept.items() if first_ms <= since}

    async def _look_at_quarantine(self) -> dict[str, Outlook]:
        found = {}
        for info in await self._storage.list(QUARANTINE):
            with suppress(ObjectNotFoundError):  # replayed meanwhile: it was durable in the queue before
                found[info.key] = self._quarantined.get(info.key) or await self._read(info)
        return found

    async def _read(self, info: ObjectInfo) -> Outlook:
        data = await self._storage.get(info.key)
        try:
            return outlook.of(_waiting(each) for each in quarantine.decode(data))
        except ValueError:  # it is damaged, and may hold anything that came before
            return Outlook({}, [Unplaced(Depth(0, 0, 1), 0, info.stored_ms)])


def _waiting(body: quarantine.QuarantinedBody) -> Waiting:
    return Waiting(outlook.hour_of_body(body.body[: envelope.HEAD]), parse_timestamp(body.sent_at), "dead")
