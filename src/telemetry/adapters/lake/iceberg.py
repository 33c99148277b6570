"""An Apache Iceberg table of compacted objects: they are added where they lie, and nothing is copied.

The catalogue is a database of SQL. The table's own files, which name the objects, are in its warehouse.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException

from telemetry.adapters.lake.parquet import SCHEMA
from telemetry.domain.contract.moment import Hour, format_timestamp, hour_path, start_ms
from telemetry.domain.errors import OutOfReachError
from telemetry.domain.lake import schema
from telemetry.domain.lake.manifest import COMPACTED

NAMESPACE: Final = "telemetry"
TABLE: Final = f"{NAMESPACE}.records"


class TableError(OutOfReachError):
    """The table could not be changed now; it is as it was."""


class IcebergRegister:
    """The table `telemetry.records`; `root` is the address of the store, with no slash at its end."""

    def __init__(self, folder: Path, root: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._catalogue = SqlCatalog(
            NAMESPACE,
            uri=f"sqlite:///{folder.resolve() / 'catalogue.db'}",
            warehouse=(folder.resolve() / "warehouse").as_uri(),
        )
        self._catalogue.create_namespace_if_not_exists(NAMESPACE)

    async def register(self, hour: Hour, keys: Sequence[str]) -> bool:
        return await asyncio.to_thread(self._register, hour, [f"{self._root}/{key}" for key in keys])

    def table(self) -> Any:  # noqa: ANN401  # pyiceberg's own type says little here
        """Return the table, which is made if it is not there."""
        return self._catalogue.create_table_if_not_exists(TABLE, schema=SCHEMA)

    def close(self) -> None:
        """Close the connection to the catalogue."""
        self._catalogue.close()

    def _register(self, hour: Hour, files: Sequence[str]) -> bool:
        table, of_hour = self.table(), _within(hour)
        folder = f"{self._root}/{COMPACTED}{hour_path(hour)}/"
        there = {each.file.file_path for each in table.scan(row_filter=of_hour).plan_files()}
        there = {each for each in there if each.startswith(folder)}
        if there == set(files):
            return False
        try:
            with table.transaction() as change:
                if there:
                    change.delete(of_hour)
                change.add_files(list(files))
        except CommitFailedException as error:
            raise TableError(f"{TABLE} was changed by another process: {error}") from error
        return True


def _within(hour: Hour) -> str:
    """Write the condition that a record is of an hour."""
    first, end = (format_timestamp(start_ms(Hour(each))).replace("Z", "+00:00") for each in (hour, hour + 1))
    return f"{schema.TIMESTAMP} >= '{first}' and {schema.TIMESTAMP} < '{end}'"
