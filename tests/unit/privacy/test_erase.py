"""All of a vehicle is erased, nothing of any other, and whoever reads meanwhile misses nothing."""

import base64
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from telemetry.adapters.lake.parquet import ParquetForm
from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_path
from telemetry.domain.figures import hour as stored
from telemetry.domain.figures.aggregate import Aggregator
from telemetry.domain.lake import manifest
from telemetry.domain.lake.manifest import Content, Manifest
from telemetry.domain.privacy.erase import ERASURES, Erasure, StillComingError
from telemetry.domain.privacy.figures import FiguresWithout
from telemetry.domain.privacy.holdings import Holdings, Rewritten
from telemetry.domain.privacy.report import digest
from telemetry.domain.privacy.theirs import Vehicle
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.objects import DamagedObjectError
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import ObjectInfo, ObjectNotFoundError, StoreUnavailableError
from telemetry.domain.transport.lease import Delivery
from tests.builders import HOUR, NOW, POLICY, a_body, a_record, an_envelope, put_batch, put_quarantined
from tests.lake import columns_of
from tests.unit.privacy.store import (
    COMPACTED,
    LATER_MS,
    THEIRS,
    Stepped,
    aggregator,
    erasure,
    made,
    read,
    records_of_others,
)

NAMED = re.compile(rb"(?<![A-Za-z0-9._:-])veh-1(?![A-Za-z0-9._:-])")


async def contents(storage: Stepped) -> dict[str, bytes]:
    """Return all that is stored, decompressed, and with bodies decoded."""
    found = {}
    for info in await storage.list(""):
        content = objects.decode_content(info.key, await storage.get(info.key))
        bodies = re.findall(rb'"body_base64":"([^"]*)"', content)
        found[info.key] = content + b" ".join(map(base64.b64decode, bodies))
    return found


async def figures_of_others(storage: Stepped) -> dict[int, Any]:
    """Return the figures of all other vehicles by hour."""
    found = {}
    for hour in range(HOUR - 3, HOUR + 1):
        content = await storage.get(objects.aggregated_key(Hour(hour)))
        vehicles = stored.decode(content).vehicles
        found[hour] = {name: each for name, each in vehicles.items() if name != THEIRS}
    return found


async def check(storage: Stepped, others: Any, figures: Any) -> None:
    """Check that nothing of the vehicle is left and all of the others."""
    named = [key for key, content in (await contents(storage)).items() if NAMED.search(content)]
    assert named == []
    assert await records_of_others(storage) == others
    assert await figures_of_others(storage) == figures


async def test_nothing_is_left_of_it_and_everything_of_others():
    storage = await made()
    others, figures = await records_of_others(storage), await figures_of_others(storage)
    before = stored.decode(await storage.get(objects.aggregated_key(Hour(HOUR - 1))))
    report = await erasure(storage).erase(NOW)
    await check(storage, others, figures)
    after = stored.decode(await storage.get(objects.aggregated_key(Hour(HOUR - 1))))
    assert before.certificate
    assert after.certificate
    assert (before.unique, after.unique) == (16, 12)
    assert (before.duplicates, after.duplicates) == (2, 1)
    assert after.certificate.revision == before.certificate.revision + 1
    last = stored.decode(await storage.get(objects.aggregated_key(HOUR)))
    assert last.certificate
    assert last.certificate.wholeness.absent == {}
    assert report.vehicle == digest(THEIRS.encode())
    assert report.records > 12
    assert THEIRS.encode() not in msgspec.json.encode(report).replace(b"veh-10", b"")
    assert [info.key for info in await storage.list(ERASURES)] == [f"{ERASURES}{report.vehicle}-{NOW}.json"]
    assert await storage.list("compacted/") == []


async def test_it_may_be_killed_after_any_step_and_is_completed_by_doing_it_again():
    storage = await made()
    others, figures = await records_of_others(storage), await figures_of_others(storage)
    for steps in range(200):
        storage = await made()

        async def look(storage: Stepped = storage) -> None:
            assert await records_of_others(storage) == others
            assert await figures_of_others(storage) == figures

        storage.look = look
        storage.steps_left = steps
        try:
            await erasure(storage).erase(NOW)
        except StoreUnavailableError:
            storage.steps_left = None
            await erasure(storage).erase(NOW + 1)
            await check(storage, others, figures)
        else:
            assert steps >= 20
            return
    pytest.fail("it never ends")


@pytest.mark.parametrize("listings", range(3))
async def test_who_listed_something_before_and_the_rest_after_it_misses_nothing(
    monkeypatch: pytest.MonkeyPatch, listings: int
):
    storage = await made()
    for tree in ("raw/", "skewed/"):
        for info in await storage.list(tree):
            await storage.delete(info.key)
    others, listing = await records_of_others(storage), storage.list
    assert others
    done = 0

    async def late(prefix: str) -> Sequence[ObjectInfo]:
        nonlocal done
        done += 1
        if done > listings:
            monkeypatch.undo()
            await erasure(storage).erase(NOW)
        return await listing(prefix)

    monkeypatch.setattr(storage, "list", late)
    found = None
    while found is None:  # as an object that is gone when it is read means to begin again
        with suppress(ObjectNotFoundError):
            found = await records_of_others(storage)
    assert found == others
    assert await listing(manifest.folder(COMPACTED)) == []


async def test_a_vehicle_that_is_not_there_changes_nothing():
    storage = Stepped()
    await put_batch(storage, a_record(vehicle_id="veh-2"))
    before = await contents(storage)
    report = await erasure(storage).erase(LATER_MS)
    assert (report.records, report.changes, report.hours) == (0, [], [])
    after = await contents(storage)
    assert {key: content for key, content in after.items() if not key.startswith(ERASURES)} == before


async def test_figures_whose_inputs_are_gone_keep_what_they_say_of_others():
    storage = await made()
    hour = Hour(HOUR - 1)
    gone, *_ = [
        each for each in await storage.list(f"raw/{hour_path(hour)}/") if "veh-2" in await text(storage, each)
    ]
    await storage.delete(gone.key)
    building = aggregator(storage)
    assert await building.refresh(hour)
    before = stored.decode(await storage.get(objects.aggregated_key(hour)))
    assert before.inputs_missing == 1
    await erasure(storage).erase(NOW)
    after = stored.decode(await storage.get(objects.aggregated_key(hour)))
    assert after.vehicles == {name: each for name, each in before.vehicles.items() if name != THEIRS}
    assert (after.unique, after.inputs_missing) == (before.unique - before.vehicles[THEIRS].count, 1)
    await building.refresh(hour)
    left = await building.figures(hour)
    assert left
    assert left.inputs_missing >= 1
    assert left.vehicles == after.vehicles


async def text(storage: Stepped, info: ObjectInfo) -> str:
    return objects.decode_content(info.key, await storage.get(info.key)).decode()


async def test_an_hour_of_it_alone_has_no_figures_afterwards():
    storage = Stepped()
    await put_batch(storage, a_record(vehicle_id=THEIRS))
    assert await aggregator(storage).build(HOUR)
    await erasure(storage).erase(NOW)
    assert [info.key for info in await storage.list("") if not info.key.startswith(ERASURES)] == []


async def test_figures_that_others_wrote_lose_it_too():
    storage = Stepped()
    await put_batch(storage, a_record(vehicle_id="veh-22"))
    plain = Aggregator(storage)
    assert await plain.build(HOUR)
    content = (await storage.get(objects.aggregated_key(HOUR))).replace(b'"veh-22"', b'"veh-1"')
    await storage.put(objects.aggregated_key(HOUR), content, overwrite=True)
    await storage.put(objects.aggregated_key(Hour(HOUR - 1)), b"torn veh-1")
    await erasure(storage).erase(NOW)
    figures = await plain.figures(HOUR)
    assert figures
    assert figures.vehicles == {}
    assert await storage.list(objects.aggregated_key(Hour(HOUR - 1))) == []


async def test_what_cannot_be_read_stops_it_by_name():
    storage = Stepped()
    await put_batch(storage, a_record(vehicle_id=THEIRS), suffix="jsonl.zst")
    await storage.put(f"raw/{hour_path(HOUR)}/batch-1-0.jsonl.zst", b"torn")
    with pytest.raises(DamagedObjectError, match=r"batch-1-0.jsonl.zst is damaged"):
        await erasure(storage).erase(NOW)


async def test_an_id_that_is_written_with_escapes_is_found():
    storage = Stepped()
    line = codec.encode_lines([a_record(vehicle_id=THEIRS)]).replace(b"veh-1", b"veh\\u002d1")
    torn = b'{"torn": "\\n"}\n'
    await storage.put(f"raw/{hour_path(HOUR)}/theirs.jsonl", line + torn)
    report = await erasure(storage).erase(NOW)
    assert report.records == 1
    (left,) = await storage.list("raw/")
    assert await storage.get(left.key) == torn


async def test_messages_of_the_queue_lose_it_first():
    class Queue:
        def __init__(self) -> None:
            self.bodies: list[bytes | None] = [
                an_envelope(a_record(vehicle_id=each)) for each in (THEIRS, "veh-2")
            ]

        async def rewrite(self, change: Callable[[bytes, int], bytes | None]) -> Rewritten:
            before = self.bodies
            self.bodies = [change(body, NOW) for body in before if body]
            removed = sum(each is None for each in self.bodies)
            return Rewritten(removed, removed)

    storage, queue = Stepped(), Queue()
    await put_batch(storage, a_record(vehicle_id=THEIRS))
    figures = FiguresWithout(storage, aggregator(storage))
    report = await Erasure(Holdings(storage, read), queue, figures, Vehicle(THEIRS, POLICY)).erase(NOW)
    assert (report.records, report.messages, report.leased) == (2, 1, 1)
    assert queue.bodies == [an_envelope(a_record(vehicle_id="veh-2"))]


async def test_as_long_as_more_comes_it_does_not_say_that_all_is_erased():
    class Filling(Stepped):
        async def delete(self, key: str) -> None:
            await super().delete(key)
            if key.startswith("raw/"):
                await put_batch(self, a_record(vehicle_id=THEIRS), now=NOW + len(key))

    storage = Filling()
    await put_batch(storage, a_record(vehicle_id=THEIRS))
    with pytest.raises(StillComingError, match="keep coming"):
        await erasure(storage).erase(NOW)


async def test_compacted_hours_of_others_stay_as_they_are_and_quarantine_of_it_alone_goes():
    storage = Stepped()
    for number, (first, last) in enumerate((("a", "b"), ("veh-0", "veh-2"))):
        hour = Hour(HOUR - number)
        writer = ParquetForm().writer(hour)
        writer.add(columns_of([a_record(vehicle_id="veh-10", timestamp_ms=NOW - number * HOUR_MS)], hour))
        key, data = f"compacted/{hour_path(hour)}/records-000001-1-0.parquet", writer.close()
        await storage.put(key, data)
        made = Manifest(
            1, "", "", {}, [Content(key, len(data), "", 1, first, last)], [], 1, 1, "", "", "", ""
        )
        await storage.put(manifest.manifest_key(hour, 1), manifest.encode(made))
    before = await contents(storage)
    body = QuarantinedBody.of(Delivery("1.1", a_body(vehicle_id=THEIRS), NOW, 1), "torn", NOW)
    await put_quarantined(storage, body)
    report = await erasure(storage).erase(NOW)
    assert report.records == 1
    after = await contents(storage)
    assert {key: content for key, content in after.items() if not key.startswith(ERASURES)} == before


async def test_what_is_removed_after_it_was_listed_is_passed_over():
    class Vanishing(Stepped):
        async def get(self, key: str) -> bytes:
            if "vanished" in key:
                raise ObjectNotFoundError(key)
            return await super().get(key)

    storage = Vanishing()
    await storage.put(f"raw/{hour_path(HOUR)}/vanished.jsonl", b"")
    await storage.put(f"compacted/{hour_path(HOUR)}/records-000001-1-ab.vanished", b"")
    await put_batch(storage, a_record(vehicle_id=THEIRS))
    assert (await erasure(storage).erase(NOW)).records == 1


async def test_bodies_that_were_dismissed_go_as_those_in_quarantine_do():
    storage = Stepped()
    body = QuarantinedBody.of(Delivery("1.1", a_body(vehicle_id=THEIRS), NOW, 1), "torn", NOW)
    await storage.put("dismissed/year=2025/quarantine-1-0.jsonl", quarantine.encode([body]))
    assert (await erasure(storage).erase(NOW)).records == 1
    assert not [key for key in await contents(storage) if key.startswith("dismissed/")]
