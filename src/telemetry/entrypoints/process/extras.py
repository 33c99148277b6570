"""What is installed only with an extra of the package, and so is imported only where it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from telemetry.domain.errors import UsageError

DISTRIBUTION: Final = "battery-telemetry"
"""What the package is installed as; another project on the public index is called `telemetry`."""

_ROOT: Final = Path(__file__).parents[4]  # of a checkout


class MissingExtraError(UsageError):
    """A package is not installed; the text has the command that installs it."""


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import inside. Raise MissingExtraError if what is imported is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed: {install(extra)}") from error


def install(extra: str, root: Path = _ROOT) -> str:
    """Return the command that installs an extra: from the checkout at `root` if it is one, or an index."""
    if not (root / "pyproject.toml").is_file():
        return f"pip install '{DISTRIBUTION}[{extra}]'"
    here = "." if root == Path.cwd() else root
    return f"pip install -e '{here}[{extra}]'"
