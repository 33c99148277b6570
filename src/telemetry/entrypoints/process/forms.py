"""Forms of compacted records that need an extra, imported once they are used."""

from collections.abc import Iterator
from functools import lru_cache

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake.form import Form, Writer
from telemetry.entrypoints.process import extras


class LateParquet:
    """Parquet, for which pyarrow has to be installed. Raise MissingExtraError if it is not."""

    ending: str = ".parquet"

    def writer(self, hour: Hour) -> Writer:
        return _parquet().writer(hour)

    def read(self, key: str, data: bytes, hour: Hour, only: int | None = None) -> Iterator[Columns]:
        return _parquet().read(key, data, hour, only)


@lru_cache(maxsize=1)
def _parquet() -> Form:
    with extras.needed("lake"):
        from telemetry.adapters.lake.parquet import ParquetForm  # noqa: PLC0415  # an extra
    return ParquetForm()
