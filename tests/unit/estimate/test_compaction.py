"""The model of a compaction is held to what one asks of a store that counts."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest

from telemetry.adapters.clock import ManualClock
from telemetry.adapters.storage.memory import MemoryStorage
from telemetry.domain.contract.moment import Span
from telemetry.domain.estimate import compaction
from telemetry.domain.estimate.flow import Flow
from telemetry.domain.estimate.load import Load
from telemetry.domain.lake import census
from telemetry.domain.store.storage import ObjectInfo
from tests.builders import NOW, put_batch, some_records
from tests.lake import certify, compactor_of, tidier_of
from tests.unit.estimate.test_flow import TERMS

OBJECTS = 6


class Counting(MemoryStorage):
    """Counts requests. A listing by folders is one too."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.asked: Counter[str] = Counter()

    async def put(self, key: str, data: bytes, *, overwrite: bool = False) -> None:
        self.asked["puts"] += 1
        await super().put(key, data, overwrite=overwrite)

    async def get(self, key: str) -> bytes:
        self.asked["gets"] += 1
        return await super().get(key)

    async def list(self, prefix: str) -> Sequence[ObjectInfo]:
        self.asked["lists"] += 1
        return await super().list(prefix)

    async def folders(self, prefix: str) -> Sequence[str]:
        self.asked["lists"] += 1
        return await super().folders(prefix)


async def asked(*, is_new: bool) -> Counter[str]:
    """Count what a turn asks of one hour, if it is to be compacted, or was."""
    clock = ManualClock(NOW + 3 * 3_600_000)
    storage = Counting(clock)
    for place in range(OBJECTS):
        await put_batch(storage, *some_records(2, vehicle_id=str(place % 3)), now=NOW + place)
    await certify(storage)
    compactor, tidier = compactor_of(storage, clock), tidier_of(storage, clock)
    for _ in range(1 if is_new else 2):
        storage.asked.clear()
        for hour in await census.hours(storage, census.RAW, Span()):
            await compactor.compact(hour)
            await tidier.tidy(hour)
    return storage.asked


def a_flow(puts: float) -> Flow:
    return Flow(1, 1, 0, 0, 0, 0, puts, 0, 0, 0)


async def test_a_turn_asks_what_is_said_of_an_hour_that_was_compacted():
    found = await asked(is_new=False)
    one, two = (
        compaction.modelled(Load(1), a_flow(OBJECTS / 3600), msgspec.structs.replace(TERMS, kept_s=kept))
        for kept in (3600, 2 * 3600)  # which is one more hour of the same day
    )
    assert found["puts"] == 0
    assert found["gets"] == pytest.approx((two.gets - one.gets) * TERMS.compact_s)
    of_a_day = 5  # its folders, and itself
    assert found["lists"] - of_a_day + 1 == pytest.approx((two.lists - one.lists) * TERMS.compact_s)


async def test_an_hour_that_is_compacted_takes_what_is_said():
    found, idle = await asked(is_new=True), await asked(is_new=False)
    never = msgspec.structs.replace(TERMS, compact_s=1e12)
    modelled = compaction.modelled(Load(1), a_flow(OBJECTS / 3600), never)
    a_year = 8640 / 86400 * 2 * 3600  # looks at what was compacted before
    assert found["puts"] == pytest.approx(modelled.puts * 3600)
    of_removal = 2  # objects that are read once more before raw ones are removed
    assert found["gets"] - idle["gets"] + 1 + of_removal == pytest.approx(
        modelled.gets * 3600 - a_year, abs=0.01
    )
    assert found["lists"] - idle["lists"] == pytest.approx(modelled.lists * 3600 - 2 * a_year, abs=0.01)


def test_a_fleet_that_fills_more_than_one_object_writes_several():
    small, large = (compaction.modelled(Load(rate), a_flow(1), TERMS) for rate in (1, 20_000))
    assert small.puts * 3600 == pytest.approx(4)
    assert large.puts * 3600 == pytest.approx(6)
    assert large.size <= TERMS.compacted_size
    assert compaction.share(TERMS) < 1 / 60
