"""What is installed only with an extra of the package, and so is imported only where it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from telemetry.entrypoints.process.settings import SettingsError


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import inside; raises SettingsError with the command that installs what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed: pip install 'telemetry[{extra}]'") from error
