"""`telemetry keys`: adds, lists and revokes keys in the file that API_KEYS_FILE names.

A key that is added is printed once, and only its salted hash is kept. A receiver that runs reads the file
again within a second of its next request, or at SIGHUP.
"""

from argparse import SUPPRESS
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telemetry.adapters.keys.entry import Entry, label
from telemetry.adapters.keys.file import KeysError, KeysFile
from telemetry.entrypoints.process import screen, settings
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.options import Parser


class KeyOptions(msgspec.Struct, frozen=True):
    """What to do with which key, and what a new one allows."""

    action: Literal["add", "list", "revoke"]
    name: str = ""
    vehicles: Sequence[str] = ("*",)
    rate: Annotated[float, Meta(ge=0, le=1e9)] = 0
    expires: Annotated[datetime, Meta(tz=True)] | None = None


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("keys", __doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="make a key, and print it once")
    add.add_argument("name", help="what the key is called here and in the log")
    add.add_argument(
        "--vehicles",
        nargs="+",
        action="extend",
        metavar="GLOB",
        default=SUPPRESS,
        help="which it may send for; without any, for all",
    )
    add.add(KeyOptions, rate="N: records a second that it may send; 0 is any number")
    add.add(KeyOptions, expires="TIME: from when on it is refused, as 2030-01-31T00:00:00Z")
    actions.add_parser("list", help="what each key is called and allows, and no key itself")
    revoke = actions.add_parser("revoke", help="remove a key")
    revoke.add_argument("name")
    if not arguments:
        parser.print_help()
        return 2
    options = parser.read(arguments).to(KeyOptions)
    configured = settings.load()
    if options.expires and options.expires <= datetime.now(UTC):
        parser.error("argument --expires: that time has passed")
    path = configured.api_keys_file
    if not path:
        raise SettingsError("API_KEYS_FILE: not set; it names the file of keys, which `add` makes if need be")
    try:
        return _act(KeysFile(path), options)
    except KeysError as error:
        raise SettingsError(f"API_KEYS_FILE: {error}") from error


def _act(file: KeysFile, options: KeyOptions) -> int:
    if options.action == "list":
        return _list(file.read())
    if options.action == "revoke":
        file.revoke(options.name)
        screen.complain(f"{options.name} is revoked; a receiver that runs refuses it within a second or two")
        return 0
    key = file.add(
        Entry(name=options.name, vehicles=options.vehicles, rate=options.rate, expires=options.expires)
    )
    screen.say(key)
    screen.complain(f"This is the key of {options.name}. It is nowhere else, and is not shown again.")
    return 0


def _list(entries: Sequence[Entry]) -> int:
    for number, each in enumerate(entries, start=1):
        rate = f"{each.rate:g} records a second" if each.rate else "any number of records"
        screen.say(
            f"{label(number, each.name)}  vehicles {','.join(each.vehicles)}  {rate}  expires {_expires(each)}"
            + ("  stored in plain text" if each.key else "")
        )
    screen.complain(f"{len(entries)} keys")
    return 0


def _expires(entry: Entry) -> str:
    if entry.expires is None:
        return "never"
    said = entry.expires.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"{said}, which has passed" if entry.expires <= datetime.now(UTC) else said
