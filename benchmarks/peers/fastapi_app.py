"""The peer of the receiver: FastAPI and Pydantic, with one queue message a record, as in their documentation.

It uses our embedded queue, so that its 202 promises as much as ours. Messages are sent and received ten at a
time, which is a batch of SQS; `PEER_BATCH` sets another number. `json_consumer` receives what it sends.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import compare_digest
from typing import Annotated, Final, Self

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.security import APIKeyHeader
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from telemetry.adapters.clock import SystemClock
from telemetry.adapters.queue.sqlite import SqliteQueue
from telemetry.domain.transport.lease import LeaseTerms

BATCH: Final = int(os.environ.get("PEER_BATCH", "10"))


class Payload(BaseModel):
    """Signals by name: known ones within their ranges, others as they are."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, FiniteFloat] = Field(init=False)

    battery_soc: Annotated[float, Field(ge=0, le=100)] | None = None
    battery_voltage: Annotated[float, Field(ge=0, le=1500)] | None = None
    battery_current: Annotated[float, Field(ge=-5000, le=5000)] | None = None
    cell_voltage_min: Annotated[float, Field(ge=0, le=5)] | None = None
    cell_voltage_max: Annotated[float, Field(ge=0, le=5)] | None = None
    cell_temp_min: Annotated[float, Field(ge=-60, le=200)] | None = None
    cell_temp_max: Annotated[float, Field(ge=-60, le=200)] | None = None

    @model_validator(mode="after")
    def is_ordered(self) -> Self:
        """Raise ValueError if a minimum exceeds its maximum."""
        for low, high in (
            (self.cell_voltage_min, self.cell_voltage_max),
            (self.cell_temp_min, self.cell_temp_max),
        ):
            if low is not None and high is not None and low > high:
                raise ValueError("a minimum exceeds its maximum")
        return self


class Record(BaseModel):
    """A record of the data contract."""

    timestamp: AwareDatetime
    vehicle_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
    can_id: Annotated[str, Field(pattern=r"^0x[0-9A-Fa-f]{1,8}$")]
    payload: Payload
    ingest_received_at: datetime | None = None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.queue = open_queue()
    yield
    await app.state.queue.close()


def open_queue() -> SqliteQueue:
    return SqliteQueue(Path(os.environ["DATA_DIR"], "queue.db"), SystemClock(), LeaseTerms(), max_size=10**11)


def check_key(key: Annotated[str, Security(APIKeyHeader(name="X-API-Key"))]) -> None:
    if not compare_digest(key.encode(), os.environ["API_KEY"].encode()):
        raise HTTPException(401)


app = FastAPI(lifespan=lifespan)


@app.post("/ingest", status_code=202, dependencies=[Depends(check_key)])
async def ingest(records: list[Record], request: Request) -> dict[str, int]:
    received = datetime.now(UTC)
    for record in records:
        record.ingest_received_at = received
    await request.app.state.queue.send(
        [record.model_dump_json(exclude_none=True).encode() for record in records]
    )
    return {"accepted": len(records)}


@app.get("/health/ready")
async def ready(request: Request) -> dict[str, int]:
    depth = await request.app.state.queue.depth()
    return {"ready": depth.ready}
