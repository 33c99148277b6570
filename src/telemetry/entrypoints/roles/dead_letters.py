"""`telemetry dead-letters`: lists, shows, replays or dismisses what could not be processed.

To replay sends it to the queue again. To dismiss is for bodies in quarantine that nobody will ever decode:
they are kept in the tree `dismissed/`, and no hour waits for them any more.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from telemetry.domain.store.objects import QUARANTINE
from telemetry.domain.store.recover import Recovery, SetAside
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, one_line


class LetterOptions(msgspec.Struct, frozen=True):
    """What to do, and with which."""

    action: Literal["list", "show", "replay", "dismiss"]
    name: str = ""
    names: Sequence[str] = ()


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("dead-letters", __doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="one line a letter: its name, when it was sent, and why it is here")
    show = actions.add_parser("show", help="the bodies of a letter")
    show.add_argument("name")
    replay = actions.add_parser("replay", help="send letters to the queue again")
    replay.add_argument("names", nargs="*", metavar="name", help="which; without any, all")
    dismiss = actions.add_parser("dismiss", help="move bodies from quarantine to dismissed/, where they stay")
    dismiss.add_argument("names", nargs="*", metavar="name", help="which; without any, all in quarantine")
    if not arguments:
        parser.print_help()
        return 0
    options = parser.read(arguments).to(LetterOptions)
    configured = settings.load()
    log.configure(configured, "Dead letters")
    return runtime.run(lambda _: _act(Container(settings=configured), options))


async def _act(container: Container, options: LetterOptions) -> int:
    async with opened(container.queue, container.storage):
        recovery = container.recovery()
        letters = [letter async for letter in recovery.items()]
        if options.action == "replay":
            return await _replay(recovery, letters, options.names)
        if options.action == "dismiss":
            return await _dismiss(recovery, letters, options.names)
        if options.action == "show":
            return _show(letters, options.name)
        for letter in letters:
            screen.say(
                f"{letter.name}  sent {letter.sent}, received {screen.counted(letter.receives, 'time')}: {letter.reason}"
            )
        screen.complain(screen.counted(len(letters), "letter"))
        return 0


def _show(letters: Sequence[SetAside], name: str) -> int:
    bodies = [letter.body for letter in letters if letter.name == name]
    for body in bodies:
        screen.say(body.decode(errors="backslashreplace"))
    if not bodies:
        screen.complain(_unknown(name))
    return 0 if bodies else 1


def _unknown(name: str) -> str:
    return one_line(f"there is no letter {name}; see telemetry dead-letters list")


async def _replay(recovery: Recovery, letters: Sequence[SetAside], names: Sequence[str]) -> int:
    chosen = names or list(dict.fromkeys(letter.name for letter in letters))
    unknown = await recovery.replay(chosen)
    for name in unknown:
        screen.complain(_unknown(name))
    replayed = sum(letter.name in set(chosen) - set(unknown) for letter in letters)
    screen.say(f"replayed {screen.counted(replayed, 'letter')}")
    return 1 if unknown else 0


async def _dismiss(recovery: Recovery, letters: Sequence[SetAside], names: Sequence[str]) -> int:
    quarantined = dict.fromkeys(letter.name for letter in letters if letter.name.startswith(QUARANTINE))
    chosen = names or list(quarantined)
    unknown = await recovery.dismiss(chosen)
    for name in unknown:
        screen.complain(one_line(f"{name} is not in quarantine; see telemetry dead-letters list"))
    dismissed = sum(letter.name in set(chosen) - set(unknown) for letter in letters)
    screen.say(f"dismissed {screen.counted(dismissed, 'letter')}")
    return 1 if unknown else 0
