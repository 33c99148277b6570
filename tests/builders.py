"""Records, messages, parcels and moments for tests that care only about what they change in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from telemetry.domain.contract import codec
from telemetry.domain.contract.moment import hour_of
from telemetry.domain.contract.partition import Partition, PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.store import objects, quarantine
from telemetry.domain.store.objects import RawFormat
from telemetry.domain.store.quarantine import QuarantinedBody
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport import envelope
from telemetry.domain.transport.lease import Delivery
from telemetry.domain.transport.parcel import Parcel

NOW = 1_760_884_200_000
"""2025-10-19T14:30:00Z, in epoch milliseconds."""

HOUR = hour_of(NOW)
"""The hour from 2025-10-19T14:00:00Z."""

NOON = 1_760_875_200_000
"""2025-10-19T12:00:00Z, in epoch milliseconds."""

MEASURED_MS = 1_760_877_296_123
"""2025-10-19T12:34:56.123Z, in epoch milliseconds: the timestamp of `a_message`."""

LOGGED_S = 1_571_000_000
"""2019-10-13T20:53:20Z, in epoch seconds, as CAN logs count."""

POLICY = PartitionPolicy()

PLACE = Partition("raw", HOUR)
"""The partition of `a_record`."""

FIRST_MS = -62_135_596_800_000
"""0001-01-01T00:00:00.000Z."""

LAST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""


def a_record(**changes: Any) -> Record:
    """Make a valid record of now, received 200 ms later."""
    record = Record(NOW, "veh-00123", "0x1F0", {"battery_soc": 85.5, "battery_current": -15.3}, NOW + 200)
    return msgspec.structs.replace(record, **changes)


def identity(record: Record) -> tuple[str, str, int]:
    """Return what two deliveries of one record have in common."""
    return record.vehicle_id, record.can_id, record.timestamp_ms


def some_records(count: int, start: int = NOW, **changes: Any) -> list[Record]:
    """Make records of one vehicle, 200 ms apart, each received 50 ms after it was made."""
    return [
        a_record(timestamp_ms=timestamp, received_ms=timestamp + 50, **changes)
        for timestamp in range(start, start + 200 * count, 200)
    ]


def a_message(**changes: Any) -> dict[str, Any]:
    """Make a v1 message as the data contract shows it; a change to None removes the field."""
    sent: dict[str, Any] = {
        "timestamp": "2025-10-19T12:34:56.123Z",
        "vehicle_id": "veh-00123",
        "can_id": "0x1F0",
        "payload": {
            "battery_soc": 85.5,
            "battery_voltage": 400.2,
            "battery_current": -15.3,
            "cell_voltage_min": 3.45,
            "cell_voltage_max": 3.67,
            "cell_temp_min": 28.5,
            "cell_temp_max": 31.2,
        },
    } | changes
    return {name: value for name, value in sent.items() if value is not None}


def a_body(**changes: Any) -> bytes:
    """Encode a v1 record as JSON."""
    return msgspec.json.encode(a_message(**changes))


def a_parcel(*records: Record, policy: PartitionPolicy = POLICY) -> Parcel:
    """Make a parcel of records that all belong to the partition of the first."""
    return Parcel.of(policy.place(records[0]), records)


def an_envelope(*records: Record, policy: PartitionPolicy = POLICY) -> bytes:
    """Encode records that all belong to the partition of the first."""
    return envelope.encode([a_parcel(*records, policy=policy)])


async def put_batch(
    storage: Storage,
    *records: Record,
    now: int = NOW,
    suffix: RawFormat = "jsonl",
    policy: PartitionPolicy = POLICY,
) -> str:
    """Store records that all belong to the partition of the first, as a consumer does; return the key."""
    lines = codec.encode_lines(records)
    key = objects.batch_key(policy.place(records[0]), now, lines, suffix)
    await storage.put(key, objects.encode_object(key, lines))
    return key


async def put_foreign(
    storage: Storage,
    *records: Record,
    more: bytes = b"",
    name: str = "theirs",
    policy: PartitionPolicy = POLICY,
) -> str:
    """Store records, and what is none, under a name without a digest, as others do; return the key."""
    key = f"{policy.place(records[0]).path}/{name}.jsonl"
    await storage.put(key, codec.encode_lines(records) + more, overwrite=True)
    return key


async def put_quarantined(storage: Storage, *bodies: QuarantinedBody, now: int = NOW) -> str:
    """Store quarantined bodies as one object, as a consumer does; return the key."""
    lines = quarantine.encode(bodies)
    key = objects.quarantine_key(now, lines)
    await storage.put(key, lines)
    return key


async def stored_records(storage: Storage, prefix: str = "") -> list[Record]:
    """Read back every record of the raw store and of the tree beside it."""
    return [
        codec.decode_line(line)
        for tree in ("raw/", "skewed/")
        for info in await storage.list(tree + prefix)
        for line in objects.decode_object(info.key, await storage.get(info.key))
    ]


def bodies_of(deliveries: Sequence[Delivery]) -> list[bytes]:
    """Return the bodies of deliveries."""
    return [delivery.body for delivery in deliveries]


def records_of(deliveries: Sequence[Delivery], policy: PartitionPolicy = POLICY) -> list[Record]:
    """Decode the records that deliveries hold."""
    parcels = [envelope.decode(each.body, each.sent_ms, policy) for each in deliveries]
    return [codec.decode_line(line) for parcel in parcels for line in parcel.lines.splitlines()]


def numbers() -> st.SearchStrategy[float]:
    """Draw any finite number, often a likely one."""
    return st.one_of(st.integers(-100, 100).map(float), st.floats(allow_nan=False, allow_infinity=False))


def payloads(
    names: Mapping[str, st.SearchStrategy[float]] | None = None,
) -> st.SearchStrategy[dict[str, float]]:
    """Draw payloads of up to four signals, known to the platform or not."""
    chosen = names or {
        "battery_soc": st.floats(0, 100),
        "cell_temp_min": st.floats(-60, 200),
        "motor_rpm": numbers(),
        "x": numbers(),
    }
    return st.fixed_dictionaries({}, optional=dict(chosen)).filter(bool)


def records(
    timestamps: st.SearchStrategy[int] | None = None, received: st.SearchStrategy[int] | None = None
) -> st.SearchStrategy[Record]:
    """Draw valid records, of few vehicles and CAN ids so that they meet."""
    return st.builds(
        Record,
        timestamp_ms=st.integers(FIRST_MS, LAST_MS) if timestamps is None else timestamps,
        vehicle_id=st.one_of(
            st.sampled_from(["a", "b"]), st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True)
        ),
        can_id=st.sampled_from(["0x0", "0x1F0", "0x1FFFFFFF"]),
        payload=payloads(),
        received_ms=st.integers(FIRST_MS, LAST_MS) if received is None else received,
    )
