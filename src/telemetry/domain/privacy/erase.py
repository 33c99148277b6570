"""Use-case: erase all that one store and one queue hold of a vehicle, and say what was found.

What holds lines of others as well is written anew without the vehicle. That is durable before the old one is
removed, so that whoever reads sees every record of the others all the time: in between some of them twice,
as copies, of which one counts. The steps:

1. All is looked through. The hours whose figures have to be built anew are written down as a plan, because
   after the next steps nobody could tell them from hours that lost objects.
2. Messages in the queue are changed, in one transaction, so that nothing more comes from there.
3. Objects of lines, and of the quarantine: the rest is put, then the old object is deleted.
4. Compacted hours that have the vehicle are taken apart: the records of all others are put as raw objects,
   then the manifests are deleted, the oldest first, then what they named. The next compaction compacts them
   again. What older manifests named, or none, and has the vehicle, is deleted.
5. Figures of the planned hours are built anew. Out of others, where it is named as absent, it is taken.
6. The plan is deleted, and all is looked through again; while anything is found, again from 1. Then the
   report is put.

Whenever this is killed, doing it again completes it.
"""

import re
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from telemetry.domain.contract import partition
from telemetry.domain.contract.moment import Hour
from telemetry.domain.contract.partition import Partition
from telemetry.domain.errors import TelemetryError
from telemetry.domain.lake import manifest
from telemetry.domain.privacy.figures import FiguresWithout
from telemetry.domain.privacy.holdings import Holdings, RewritableQueue, Rewritten
from telemetry.domain.privacy.report import Found, Report, digest
from telemetry.domain.privacy.survey import Bodies, Survey
from telemetry.domain.privacy.theirs import Vehicle
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.storage import ObjectNotFoundError

ERASURES: Final = "erasures/"
"""The tree of plans and reports, which name a vehicle by a digest of its id only."""

_TURNS: Final = 5  # for what comes meanwhile
_MOMENT: Final = re.compile(r"-(\d{1,15})-[^/-]*\Z", re.ASCII)


class Plan(msgspec.Struct, frozen=True):
    """Hours whose figures are built anew, and hours out of whose figures the vehicle is taken."""

    build: frozenset[int] = frozenset()
    strip: frozenset[int] = frozenset()

    def united(self, other: "Plan") -> "Plan":
        """Return both; what was planned first is still right after objects were removed for it."""
        return Plan(self.build | (other.build - self.strip), self.strip | (other.strip - self.build))


class StillComingError(TelemetryError):
    """Each time that all was erased, there was more."""


class _Look(NamedTuple):
    """What is to be done, and whether anything is."""

    plan: Plan
    is_any: bool


class Erasure:
    """Erases one vehicle."""

    def __init__(
        self, holdings: Holdings, queue: RewritableQueue | None, figures: FiguresWithout, vehicle: Vehicle
    ) -> None:
        """Without a queue, what waits there is left."""
        self._holdings = holdings
        self._storage = holdings.storage
        self._queue = queue
        self._figures = figures
        self._vehicle = vehicle
        self._survey = Survey(holdings, vehicle)
        self._name = digest(vehicle.id.encode())
        self._plan_key = f"{ERASURES}{self._name}-plan.json"
        self._found = Found()

    async def erase(self, now_ms: int) -> Report:
        """Erase all that is found; return a report, which is stored too.

        Raise StoreUnavailableError, QueueUnavailableError, StillComingError, or DamagedObjectError of what
        cannot be read: it may hold the vehicle.
        """
        plan, rewritten = await self._read_plan(), Rewritten(0, 0)
        for _ in range(_TURNS):
            rewritten = await self._rewrite_queue(rewritten)
            look = await self._look()
            if not look.is_any and plan == Plan():
                break
            plan = plan.united(look.plan)
            await self._storage.put(self._plan_key, msgspec.json.encode(plan), overwrite=True)
            await self._rewrite()
            await self._renew(plan)
            await self._storage.delete(self._plan_key)
            self._found.hours |= plan.build | plan.strip
            plan = Plan()
        else:
            raise StillComingError(
                "its records keep coming: revoke its key or stop its sender, and try again"
            )
        report = self._found.report(self._name, now_ms, rewritten)
        await self._storage.put(f"{ERASURES}{self._name}-{now_ms}.json", msgspec.json.encode(report))
        return report

    async def _read_plan(self) -> Plan:
        with suppress(ObjectNotFoundError):
            return msgspec.json.decode(await self._storage.get(self._plan_key), type=Plan)
        return Plan()

    async def _rewrite_queue(self, before: Rewritten) -> Rewritten:
        if self._queue is None:
            return before
        now = await self._queue.rewrite(self._left_of_body)
        return Rewritten(before.messages + now.messages, before.leased + now.leased)

    def _left_of_body(self, body: bytes, sent_ms: int) -> bytes | None:
        split = self._vehicle.split_body(body, sent_ms)
        self._found.add(split.theirs)
        return split.rest

    async def _look(self) -> _Look:
        changed = {partition.parse_path(each.key).hour async for each in self._survey.lines()}
        taken = {each async for each in self._survey.compacted()}
        named = {_hour(key) async for key in self._survey.figures()}
        is_quarantined = any([each async for each in self._survey.bodies()])
        is_left = any([each async for each in self._survey.leftovers()])
        kept = {hour for hour in changed - taken if not await self._figures.is_whole(hour)}
        build = frozenset((changed | taken) - kept)
        plan = Plan(build, frozenset((named | kept) - build))
        return _Look(plan, is_quarantined or is_left or plan != Plan())

    async def _rewrite(self) -> None:
        async for found in self._survey.lines():
            self._found.add(found.split.theirs)
            place = partition.parse_path(found.key)
            await self._put_lines(place, found.key, b"".join(line + b"\n" for line in found.split.rest))
            await self._storage.delete(found.key)
        for hour in [each async for each in self._survey.compacted()]:
            await self._take_apart(hour)
        for key in [each async for each in self._survey.leftovers()]:
            await self._storage.delete(key)
            self._found.replaced(key, "")
        async for bodies in self._survey.bodies():
            self._found.add(bodies.theirs)
            await self._put_bodies(bodies)
            await self._storage.delete(bodies.key)

    async def _take_apart(self, hour: Hour) -> None:
        """Put the records of all others in an hour as raw objects, then remove what was compacted."""
        infos = await self._storage.list(manifest.folder(hour))
        async for part in self._survey.parts(hour):
            self._found.add(part.split.theirs)
            rest = b"".join(line + b"\n" for line in part.split.rest)
            await self._put_lines(Partition("raw", hour), part.key, rest)
        manifests = sorted(
            (revision, info) for info in infos if (revision := manifest.revision_of(info.key)) is not None
        )
        for info in [*(info for _, info in manifests), *infos]:
            await self._storage.delete(info.key)

    async def _put_lines(self, place: Partition, before: str, lines: bytes) -> None:
        """Put lines in the place of an object, under a name that is the same whenever it is done."""
        after = (
            objects.batch_key(place, _moment_ms(before), lines, self._holdings.raw_format) if lines else ""
        )
        if lines:
            await self._storage.put(after, objects.encode_object(after, lines))
        self._found.replaced(before, after)

    async def _put_bodies(self, bodies: Bodies) -> None:
        lines = quarantine.encode(bodies.rest)
        moment_ms = _moment_ms(bodies.key)
        after = f"{bodies.key.rpartition('/')[0]}/quarantine-{moment_ms}-{objects.digest(lines)}.jsonl"
        if lines:
            await self._storage.put(after, lines)
        self._found.replaced(bodies.key, after if lines else "")

    async def _renew(self, plan: Plan) -> None:
        """Renew figures in the order of their hours, since each hour says who was there before."""
        for hour in sorted(plan.build):
            await self._figures.build(Hour(hour))
        for hour in sorted({_hour(key) async for key in self._survey.figures()} | plan.strip):
            await self._figures.strip(Hour(hour), self._vehicle.id)


def _hour(key: str) -> Hour:
    """Return the hour of an object of any tree."""
    return partition.parse_path(f"raw/{key.partition('/')[2]}").hour


def _moment_ms(key: str) -> int:
    match = _MOMENT.search(key)
    return int(match[1]) if match else 0
