"""`telemetry`: one program, a sub-command a role."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Final

ROLES: Final = {
    "up": "run all roles on this machine, and start again what ends",
    "receiver": "take records over HTTP",
    "keys": "add, list or revoke keys of senders",
    "consumer": "carry records from the queue to the raw store",
    "aggregator": "turn the raw store into hourly figures",
    "status": "say in six numbers how the pipeline is, and what helps",
    "triggers": "say whether it is time to change the design, and what first",
    "hours": "list the hours that are complete, show one, or wait for it",
    "compact": "make few large objects of the many small ones of complete hours",
    "expire": "remove the records of old hours for good",
    "query": "answer a question in SQL about what is stored",
    "simulator": "drive a fleet of battery packs that post to a receiver",
    "load-test": "post a measured load, ending in the proof table",
    "replay": "decode a CAN log and post it",
    "prove": "compare the ledger of a run with what is stored",
    "demo": "run all roles on this machine, ending in the proof table",
    "provision": "make the queues and the bucket on AWS",
    "estimate": "say what a fleet costs a month on AWS",
    "dead-letters": "list, show, replay or dismiss what could not be processed",
    "skewed": "list records whose clocks were not believed, or judge them again",
    "vehicle": "export or erase all that is stored of one vehicle",
    "queue": "examine the embedded queue, or save what can be read of a damaged one",
    "health": "say whether the processes of a role still finish their turns",
    "settings": "show every setting, its value, and where that comes from",
    "completion": "print what lets a shell complete commands and options",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the role that the first argument names; return the exit status.

    A role's module is imported only when it is played, so that help and errors come at once.
    """
    role, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if role in ("-h", "--help"):
        print(_usage())
        return 0
    if role == "--version":
        from importlib.metadata import version

        from telemetry.entrypoints.process.extras import DISTRIBUTION

        print(f"telemetry {version(DISTRIBUTION)}")
        return 0
    if role not in ROLES:
        from telemetry.entrypoints.process.options import one_line

        alike = get_close_matches(role, ROLES, n=1)
        meant = f", did you mean {alike[0]}?" if alike else "; see telemetry --help"
        print(one_line(f"telemetry: there is no command {role!r}{meant}"), file=sys.stderr)
        return 2
    return _play(role, rest)


def _usage() -> str:
    lines = [f"  {role:<13} {what}" for role, what in ROLES.items()]
    usage = ["usage: telemetry COMMAND [--help] ...", "       telemetry --version"]
    return "\n".join([*usage, "", *lines, "", "Each command has --help, which names its settings."])


def _play(role: str, arguments: Sequence[str]) -> int:
    from telemetry.domain.errors import TelemetryError
    from telemetry.entrypoints.process.options import one_line

    module = import_module(f"telemetry.entrypoints.roles.{role.replace('-', '_')}")
    try:
        status: int = module.main(arguments)
    except TelemetryError as error:
        print(f"telemetry {role}: {one_line(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        where = "" if error.filename is None else f": {str(error.filename)!r}"
        print(f"telemetry {role}: {one_line(f'{error.strerror or error}{where}')}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status
