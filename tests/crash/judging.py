"""What has to hold of a folder that a power cut left, by what had been promised before it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from harness.crash.workload import DATA, KEYS, POLICY, QUEUE, TERMS, Mark
from telemetry.adapters.clock import ManualClock
from telemetry.adapters.keys.file import KeysError, KeysFile
from telemetry.adapters.queue.sqlite import SqliteQueue, watch
from telemetry.adapters.storage.local import LocalStorage
from telemetry.domain.contract import partition
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.store import objects
from telemetry.domain.store.objects import DamagedObjectError, LineFaults
from telemetry.domain.transport import envelope
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.queue import QueueUnavailableError
from telemetry.entrypoints.shared.faults import exact

Identities = set[tuple[str, int]]


class Promises:
    """What was promised up to a moment: the names of what was begun, and of what was done, by verb.

    `removed` are the keys of objects that are not there, and `maybe_removed` of those that may not be.
    """

    def __init__(self, marks: Iterable[Mark]) -> None:
        self.begun: defaultdict[str, list[str]] = defaultdict(list)
        self.done: defaultdict[str, list[str]] = defaultdict(list)
        self.removed: set[str] = set()
        self.maybe_removed: set[str] = set()
        for mark in marks:
            (self.done if mark.is_done else self.begun)[mark.verb].append(mark.name)
            self._add(mark.verb, mark.name.partition(" ")[0], is_done=mark.is_done)

    def _add(self, verb: str, key: str, *, is_done: bool) -> None:
        """Take note of what may be there of an object."""
        if verb == "delete":
            (self.removed if is_done else self.maybe_removed).add(key)
        elif verb == "put":
            (self.maybe_removed if is_done else self.removed).discard(key)


async def broken(folder: Path, marks: Sequence[Mark], *, with_figures: bool = False) -> Sequence[str]:
    """Return the promises that do not hold in a folder, each as a sentence."""
    promises = Promises(marks)
    return [
        *_broken_keys(folder, promises),
        *broken_objects(folder, promises),
        *await _broken_records(folder, promises),
        *(await _broken_figures(folder) if with_figures else ()),
    ]


def _broken_keys(folder: Path, promises: Promises) -> Iterator[str]:
    path = folder / KEYS
    try:
        names = {each.name for each in KeysFile(path).read()} if path.exists() else set()
    except KeysError as error:
        yield f"the keys cannot be read: {error}"
        return
    if missing := set(promises.done["key"]) - names:
        yield f"keys are missing: {missing}"


def broken_objects(folder: Path, promises: Promises) -> Iterator[str]:
    """Check that what was put is there, whole, and that no object has what nobody put."""
    allowed: dict[str, list[str]] = {}
    for name in promises.begun["put"]:
        key, digest = name.split(" ")
        allowed.setdefault(key, []).append(digest)
    done = dict(name.split(" ") for name in promises.done["put"])
    for key, digests in allowed.items():
        path = folder / DATA / key
        there = objects.digest(path.read_bytes()) if path.exists() else ""
        if there and key in promises.removed:
            yield f"{key} is there again"
            continue
        may_be_absent = key not in done or key in promises.maybe_removed
        if there not in _since(digests, done.get(key)) and (there or not may_be_absent):
            yield f"{key} is {'not what was put' if there else 'not there'}"


def _since(digests: Sequence[str], last: str | None) -> Sequence[str]:
    """Return the digests from the last one on that is durable."""
    return digests if last is None else digests[len(digests) - 1 - digests[::-1].index(last) :]


async def _broken_records(folder: Path, promises: Promises) -> Sequence[str]:
    """Check that each record whose message was sent is in the queue or in the store."""
    promised = {each for body in promises.done["send"] for each in _of_body(bytes.fromhex(body))}
    try:
        there = await _queued(folder) | _stored(folder)
    except (QueueUnavailableError, UndecodableError, DamagedObjectError) as error:
        return [str(error)]
    if watch.mark(folder / QUEUE).exists():
        return ["the queue is damaged"]
    return (
        [f"{len(promised - there)} records are neither in the queue nor stored"] if promised - there else []
    )


async def _broken_figures(folder: Path) -> Sequence[str]:
    """Let an aggregator look at all hours, and compare its figures with the records."""
    storage = LocalStorage(folder / DATA)
    hours = {partition.parse_path(each.key).hour for each in await storage.list("raw/")}
    try:
        for hour in sorted(hours):
            await Aggregator(storage).refresh(hour)
        return list(await exact.differences(storage, sorted(hours)))
    except (ValueError, msgspec.DecodeError) as error:
        return [f"the figures cannot be read: {error}"]


async def _queued(folder: Path) -> Identities:
    path = folder / QUEUE
    found = await bodies_of(path) if path.parent.exists() else []
    return {each for body in found for each in _of_body(body)}


async def bodies_of(path: Path) -> Sequence[bytes]:
    """Return the bodies in a queue, which is used as on a machine that was started anew and counts from 0."""
    queue = SqliteQueue(path, ManualClock(), TERMS, 10**9)
    try:
        return [each.body for each in await queue.receive(1000, 0)]
    finally:
        await queue.close()


def _of_body(body: bytes) -> Identities:
    return of_lines(envelope.decode(body, 0, POLICY).lines.splitlines())


def _stored(folder: Path) -> Identities:
    found: Identities = set()
    for path in (folder / DATA / "raw").rglob("batch-*"):
        key = path.relative_to(folder / DATA).as_posix()
        found |= of_lines(objects.decode_object(key, path.read_bytes()))
    return found


def sent_records(promises: Promises) -> Identities:
    """Return the identities of records that were stored, of which the lines were said."""
    return {each for lines in promises.done["send"] for each in of_lines(bytes.fromhex(lines).splitlines())}


def of_lines(lines: Sequence[bytes]) -> Identities:
    """Return the identities of stored lines."""
    records = [record for _, record in objects.decode_records(lines, LineFaults())]
    return {(each.vehicle_id, each.timestamp_ms) for each in records}
