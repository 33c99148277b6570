"""Who may send: the key of the fleet from the settings, and the file of keys, also after it has changed."""

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from telemetry.adapters.http.auth import Due, Grant, LocalDue
from telemetry.adapters.keys.entry import Entry, hashed, label
from telemetry.adapters.keys.file import KeysError, KeysFile
from telemetry.adapters.keys.shared import SharedDues
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.log import Log
from telemetry.entrypoints.process.settings import Settings

SHARED_DIR: Final = "TELEMETRY_SHARED_DIR"
"""The environment variable by which workers find the folder that they share, while their receiver runs."""

_FLEET: Final = "API_KEY"
_COPY: Final = "keys.json"
_OF_SESSIONS: Final = "sessions"
_SECRET_BYTES: Final = 32


def grants(configured: Settings) -> Sequence[Grant]:
    """Read who may send. Raise SettingsError if nobody may, or a file of keys cannot be used."""
    file = configured.api_keys_file
    found = _grants(configured, _entries(configured, KeysFile(file)) if file else [])
    if not found:
        raise SettingsError("API_KEY: not set; nobody could send")
    return found


def session_secret() -> bytes:
    """Return what sessions are signed with, until this receiver ends: the same for all of its workers."""
    folder = os.environ.get(SHARED_DIR)
    return Path(folder, _OF_SESSIONS).read_bytes() if folder else secrets.token_bytes(_SECRET_BYTES)


def share_secret(folder: Path) -> None:
    """Make the secret that workers find in their folder, which no other user can read."""
    file = os.open(folder / _OF_SESSIONS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(secrets.token_bytes(_SECRET_BYTES))


def dues() -> Callable[[bytes], Due]:
    """Return what keeps the dues of keys: together with the other workers, if there are any."""
    folder = os.environ.get(SHARED_DIR)
    return SharedDues(Path(folder, "rates")).of if folder else lambda _: LocalDue()


class Renewal:
    """The grants of a process: those of the file of keys, as it was when it could be used last."""

    def __init__(self, configured: Settings, logger: Log) -> None:
        self._configured = configured
        self._logger = logger
        self._file = KeysFile(configured.api_keys_file) if configured.api_keys_file else None
        self._version = self._file.version() if self._file else None
        folder = os.environ.get(SHARED_DIR)
        self._copy = KeysFile(Path(folder, _COPY)) if folder else None

    def first(self) -> Sequence[Grant]:
        """Return the grants of a process that starts.

        Raise SettingsError if there are none. A worker that takes the place of another one starts with what
        counted before, if the file cannot be used meanwhile.
        """
        try:
            found = grants(self._configured)
        except SettingsError as error:
            if not self._copy or not self._copy.version():
                raise
            self._complain(error)
            return _grants(self._configured, self._copy.read())
        self._keep()
        return found

    def renewed(self, *, closely: bool = False) -> Sequence[Grant] | None:
        """Return the grants of a file that has changed; None if it has not, or cannot be used.

        Look `closely` reads a file that seems to be the same.
        """
        if not self._file or ((version := self._file.version()) == self._version and not closely):
            return None
        self._version = version
        try:
            found = _grants(self._configured, _entries(self._configured, self._file))
        except SettingsError as error:
            self._complain(error)
            return None
        self._keep()
        self._logger.info("Keys read again", keys=len(found))
        return found

    def _keep(self) -> None:
        """Keep what counts for workers that start later: hashes only."""
        if self._copy and self._file:
            self._copy.write(hashed(self._file.read()))

    def _complain(self, error: SettingsError) -> None:
        self._logger.error("Keys not read again; those that counted before still do", error=str(error))


def _entries(configured: Settings, file: KeysFile) -> Sequence[Entry]:
    try:
        entries = file.read()
    except KeysError as error:
        raise SettingsError(f"API_KEYS_FILE: {error}") from error
    for number, each in enumerate(entries, start=1):
        if each.name == _FLEET or (configured.api_key and each.is_for(configured.api_key)):
            what = "the name" if each.name == _FLEET else "the same key as"
            raise SettingsError(
                f"API_KEYS_FILE: {configured.api_keys_file}: {label(number, each.name)}: it has {what} {_FLEET}"
            )
    return entries


def _grants(configured: Settings, entries: Sequence[Entry]) -> Sequence[Grant]:
    found = []
    if configured.api_key:
        found.append(Grant(configured.api_key, rate=configured.ingest_rate, name=_FLEET))
    for number, each in enumerate(entries, start=1):
        found.append(
            Grant(
                each.key,
                each.vehicles,
                each.rate,
                label(number, each.name),
                each.expires_ms,
                each.salt,
                each.digest,
            )
        )
    return found
