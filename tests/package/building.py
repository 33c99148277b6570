"""Builds the distributions from what is tracked, and makes environments with nothing else in them."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
_BIN: Final = Path(sys.executable).parent
_COMMIT_S: Final = "1790000000"  # when the commit of a build was made


class Distributions(NamedTuple):
    """What a build leaves in `dist/`."""

    wheel: Path
    source: Path


def tracked() -> Sequence[str]:
    """Return the files of the repository, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def copy_tracked(folder: Path) -> Path:
    """Copy what is tracked into a folder."""
    for name in tracked():
        to = folder / name
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes((ROOT / name).read_bytes())
    return folder


def build(folder: Path, *targets: str) -> Path:
    """Build in a folder that has a `pyproject.toml`, as `make dist` does; return its `dist/`."""
    options = [part for target in targets for part in ("-t", target)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _COMMIT_S}
    subprocess.run(
        [_BIN / "hatchling", "build", *options], cwd=folder, env=environment, capture_output=True, check=True
    )
    return folder / "dist"


def distributions(dist: Path) -> Distributions:
    (wheel,), (source,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return Distributions(wheel, source)


def unpack(source: Path, folder: Path) -> Path:
    """Unpack a source distribution; return the folder in which its files are."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (inner,) = folder.iterdir()
    return inner


def interpreter(version: str) -> str | None:
    """Find a Python of this version that runs: on the path, or among those of pyenv."""
    on_path = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    of_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [*on_path, *sorted(of_pyenv.glob(f"{version}.*/bin/python"))]
    return next((str(each) for each in candidates if each.exists() and _is(version, each)), None)


def _is(version: str, python: Path) -> bool:
    """Ask an interpreter; a shim of pyenv is there also for versions that are not chosen."""
    asked = subprocess.run([python, "--version"], capture_output=True, check=False, text=True)
    return asked.returncode == 0 and asked.stdout.startswith(f"Python {version}.")


class Clean:
    """An environment of its own, with a wheel, what it needs, and nothing else."""

    def __init__(self, folder: Path, wheel: Path, *extras: str, python: str = sys.executable) -> None:
        self.python = folder / "bin" / "python"
        _uv("venv", "--python", python, str(folder))
        self.install(wheel, *extras)

    def install(self, wheel: Path, *extras: str) -> None:
        """Install a wheel, in the place of another version if one is there."""
        wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        # The versions are those of the lock, so that a new release elsewhere breaks nothing here.
        pins = ROOT / "requirements.lock"
        _uv("pip", "install", "--python", str(self.python), "--constraint", str(pins), wanted)

    @property
    def command(self) -> str:
        return str(self.python.with_name("telemetry"))

    def run(
        self, folder: Path, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> CompletedProcess[str]:
        """Run `telemetry` in a folder, with no setting but these."""
        return self.call([self.command, *arguments], folder, settings)

    def call(
        self, command: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None
    ) -> CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **(settings or {})}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False, text=True, timeout=120
        )


def _uv(*arguments: str) -> None:
    done = subprocess.run([_BIN / "uv", "--quiet", *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
