"""The peer of the aggregator: DuckDB over the same files.

It needs the names of the signals beforehand, which the aggregator does not.
"""

from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from telemetry.domain.contract.record import EXAMPLE, RequestRecord

NAMES: Final = tuple(msgspec.convert(EXAMPLE, RequestRecord).payload)
_PAYLOAD: Final = ", ".join(f"{name} DOUBLE" for name in NAMES)
_FIGURES: Final = ", ".join(
    f"count(payload.{name}), min(payload.{name}), max(payload.{name}), avg(payload.{name})" for name in NAMES
)
_HOUR: Final = f"""
SELECT vehicle_id, count(*), min(timestamp), max(timestamp), {_FIGURES}
FROM (
    SELECT * FROM read_json(?, format = 'newline_delimited', columns = {{
        timestamp: 'VARCHAR', vehicle_id: 'VARCHAR', can_id: 'VARCHAR', payload: 'STRUCT({_PAYLOAD})',
        ingest_received_at: 'VARCHAR'
    }})
    QUALIFY row_number() OVER (PARTITION BY vehicle_id, can_id, timestamp ORDER BY ingest_received_at) = 1
)
GROUP BY vehicle_id ORDER BY vehicle_id
"""  # noqa: S608  # the names are the contract's


def figures(folder: Path, threads: int | None = None) -> list[tuple[Any, ...]]:
    """Return the figures of an hour: a row a vehicle, with count, first, last and four figures a signal.

    DuckDB has a thread a core, or so many.
    """
    with duckdb.connect() as db:
        if threads:
            db.execute("SET threads = ?", [threads])
        return db.execute(_HOUR, [str(folder / "**/*.jsonl")]).fetchall()
