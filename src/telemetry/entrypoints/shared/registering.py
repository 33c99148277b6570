"""The table in which compacted objects are registered, made from the settings."""

from telemetry.domain.lake.register import Register
from telemetry.entrypoints.process import extras
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.settings import Settings


def make(configured: Settings) -> Register:
    """Open the table. Raise SettingsError if it cannot hold what is compacted, MissingExtraError."""
    if configured.compact_format != "parquet":
        raise SettingsError("COMPACT_FORMAT: --register takes objects of parquet only")
    with extras.needed("iceberg"):
        from telemetry.adapters.lake.iceberg import IcebergRegister  # noqa: PLC0415  # an extra
    return IcebergRegister(configured.data_dir / "iceberg", root(configured))


def root(configured: Settings) -> str:
    """Return the address of the store. Raise SettingsError if it has none."""
    if configured.storage_backend == "local":
        return configured.data_dir.resolve().as_uri()
    if configured.storage_backend == "s3":
        return f"s3://{configured.s3_bucket}/{configured.s3_prefix.strip('/')}".rstrip("/")
    raise SettingsError("STORAGE_BACKEND: nobody else can read what is in memory; set local or s3")
