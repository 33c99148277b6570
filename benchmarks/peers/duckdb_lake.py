"""The peer of the fold from compacted records: DuckDB over the same objects, which have no copies."""

from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.peers.duckdb_hour import NAMES

_FIGURES: Final = ", ".join(f"count({name}), min({name}), max({name}), avg({name})" for name in NAMES)
_FORM: Final = "%Y-%m-%dT%H:%M:%S.%gZ"
_ENDS: Final = ", ".join(
    f"strftime(make_timestamp(epoch_us({end}(timestamp))), '{_FORM}')" for end in ("min", "max")
)
_HOUR: Final = f"""
SELECT vehicle_id, count(*), {_ENDS}, {_FIGURES}
FROM read_parquet(?) GROUP BY vehicle_id ORDER BY vehicle_id
"""  # noqa: S608  # the names are the contract's


def figures(folder: Path, threads: int | None = None) -> list[tuple[Any, ...]]:
    """Return the figures of an hour, as `duckdb_hour.figures` does, from its compacted records."""
    with duckdb.connect() as db:
        if threads:
            db.execute("SET threads = ?", [threads])
        return db.execute(_HOUR, [str(folder / "**/records-*.parquet")]).fetchall()
