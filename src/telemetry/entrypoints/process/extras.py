"""What is installed only with an extra of the package, and so is imported only where it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from telemetry.domain.errors import UsageError


class MissingExtraError(UsageError):
    """A package is not installed; the text has the command that installs it."""


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import inside. Raise MissingExtraError if what is imported is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed: pip install 'telemetry[{extra}]'") from error
