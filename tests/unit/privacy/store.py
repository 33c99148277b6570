"""A store that holds a vehicle everywhere, and a reader that looks at all others after each step."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import msgspec

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.lake.parquet import ParquetForm
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import HOUR_MS, Hour, Span, hour_path
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.figures import lines
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.figures.certify import Certifier
from telemetry.domain.figures.columns import Columns
from telemetry.domain.figures.evidence import Inquiry
from telemetry.domain.lake import manifest
from telemetry.domain.lake.manifest import Content, Input, Manifest
from telemetry.domain.lake.summing import Summing
from telemetry.domain.privacy.erase import Erasure
from telemetry.domain.privacy.figures import FiguresWithout
from telemetry.domain.privacy.holdings import Holdings
from telemetry.domain.privacy.theirs import Vehicle
from telemetry.domain.query.catalogue import Catalogue
from telemetry.domain.store import objects
from telemetry.domain.store.objects import LineFaults
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import StoreUnavailableError
from telemetry.domain.transport.lease import Delivery
from tests.builders import HOUR, NOW, POLICY, a_body, a_record, an_envelope, put_batch, put_quarantined
from tests.fakes import FailingQueue

THEIRS: Final = "veh-1"
OTHERS: Final = ("veh-10", "a.veh-1", "veh-2")
COMPACTED: Final = Hour(HOUR - 3)
LATER_MS: Final = NOW + 3 * HOUR_MS


class Stepped(MemoryStorage):
    """A store that stops after some steps, and is looked at after each of them."""

    def __init__(self) -> None:
        self.clock = ManualClock(LATER_MS)
        super().__init__(self.clock)
        self.steps_left: int | None = None
        self.look: Callable[[], Awaitable[None]] | None = None

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        self._step()
        await super().put(key, data, overwrite=overwrite)
        await self._looked()

    async def delete(self, key: str) -> None:
        self._step()
        await super().delete(key)
        await self._looked()

    def _step(self) -> None:
        if self.steps_left is not None:
            if not self.steps_left:
                raise StoreUnavailableError("killed")
            self.steps_left -= 1

    async def _looked(self) -> None:
        if self.look:
            await self.look()


def read(key: str, data: bytes, hour: Hour) -> Iterator[Columns]:
    return ParquetForm().read(key, data, hour)


def aggregator(storage: Stepped) -> Aggregator:
    certifier = Certifier(storage, storage.clock, Inquiry(storage, FailingQueue(storage.clock)))
    return Aggregator(storage, certifier=certifier)


def erasure(storage: Stepped) -> Erasure:
    figures = FiguresWithout(storage, aggregator(storage))
    return Erasure(Holdings(storage, read), None, figures, Vehicle(THEIRS, POLICY))


async def made() -> Stepped:
    """Make a store that holds the vehicle in every tree, and others beside it."""
    storage = Stepped()
    for hour in range(4):
        start = NOW - hour * HOUR_MS
        for number, vehicle in enumerate((THEIRS, *OTHERS)):
            if hour == 0 and vehicle == THEIRS:
                continue  # it is absent there
            records = [a_record(vehicle_id=vehicle, timestamp_ms=start + each) for each in range(3)]
            await put_batch(
                storage, *records, now=start + number, suffix="jsonl.zst" if number % 2 else "jsonl"
            )
        if hour:
            both = [a_record(vehicle_id=each, timestamp_ms=start + 7) for each in (THEIRS, *OTHERS)]
            await put_batch(storage, *both, *both[:2], now=start + 9)
    skewed = [a_record(vehicle_id=each, timestamp_ms=0) for each in (THEIRS, OTHERS[0])]
    await put_batch(storage, *skewed, policy=PartitionPolicy())
    bodies = [a_body(vehicle_id=THEIRS), b"torn veh-1", a_body(vehicle_id=OTHERS[0]), b"torn veh-10"]
    bodies.append(an_envelope(*(a_record(vehicle_id=each) for each in (THEIRS, OTHERS[0]))))
    deliveries = [Delivery("1.1", body, NOW, 1) for body in bodies]
    await put_quarantined(storage, *(QuarantinedBody.of(each, "it was torn", NOW) for each in deliveries))
    building = aggregator(storage)
    for hour in range(HOUR - 3, HOUR + 1):
        assert await building.build(Hour(hour))
    await _compact(storage)
    return storage


async def _compact(storage: Stepped) -> None:
    """Compact an hour, and remove all but one of its raw objects."""
    taken = await storage.list(f"raw/{hour_path(COMPACTED)}/")
    contents = [objects.decode_content(each.key, await storage.get(each.key)) for each in taken]
    parts = [lines.read(each, COMPACTED, LineFaults()) for each in contents]
    writer = ParquetForm().writer(COMPACTED)
    writer.add(Columns.concatenate(parts).sort())
    data = writer.close()
    key = manifest.content_key(COMPACTED, 2, "records", NOW, data, ".parquet")
    await storage.put(key, data)
    inputs = {each.key: Input(each.size, "") for each in taken}
    content = Content(key, len(data), "", 0, "a", "z")
    made = Manifest(2, "", "", inputs, [content], [], 0, 0, "", "", "", "")
    await storage.put(manifest.manifest_key(COMPACTED, 2), manifest.encode(made))
    for info in taken[1:]:
        await storage.delete(info.key)
    await _leave_behind(storage, Columns.concatenate(parts).sort(), data)


async def _leave_behind(storage: Stepped, columns: Columns, data: bytes) -> None:
    """Put what older compactions left behind, and killed ones, of which no manifest that counts knows."""
    summing = Summing(COMPACTED, 1000)
    summing.add(columns)
    await summing.put(storage, 1, NOW, summing.state((), ()))
    await storage.put(manifest.content_key(Hour(HOUR - 1), 1, "_copies", NOW, data, ".parquet"), data)
    torn = manifest.content_key(COMPACTED, 1, "records", NOW + 1, b"torn", ".parquet")
    await storage.put(torn, b"torn")
    older = Manifest(1, "", "", {}, [Content(torn, 4, "", 1, THEIRS, THEIRS)], [], 0, 0, "", "", "", "")
    await storage.put(manifest.manifest_key(COMPACTED, 1), manifest.encode(older))


async def records_of_others(storage: Stepped) -> set[tuple[str, str, int, str]]:
    """Read as a reader does that follows manifests; return what it sees of all others, each once."""
    found = await Catalogue(storage).records(Span())
    seen: set[tuple[str, str, int, str]] = set()
    for info in [*found.raw, *await storage.list("skewed/")]:
        for record in objects.decode_records(
            objects.decode_object(info.key, await storage.get(info.key)), LineFaults()
        ):
            seen.add(_named(record[1]))
    for info in [*found.whole, *found.mixed]:
        for columns in read(info.key, await storage.get(info.key), COMPACTED):
            for (vehicle, can), offset, payload in zip(
                [columns.streams[each] for each in columns.stream.tolist()],
                columns.offset.tolist(),
                columns.payloads(),
                strict=True,
            ):
                at = COMPACTED * HOUR_MS + offset
                seen.add(_named(Record(at, vehicle, can, dict(payload))))
    return {each for each in seen if each[0] != THEIRS}


def _named(record: Record) -> tuple[str, str, int, str]:
    payload = msgspec.json.encode(
        dict(sorted((name, float(value)) for name, value in record.payload.items()))
    )
    return record.vehicle_id, record.can_id, record.timestamp_ms, payload.decode()
