"""`telemetry dead-letters`: lists, shows and replays what could not be processed."""

import argparse
from collections.abc import Sequence

from telemetry.domain.store.recover import Letter
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser("telemetry dead-letters", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="one line a letter: its name, when it was sent, and why it is here")
    show = actions.add_parser("show", help="the bodies of a letter")
    show.add_argument("name")
    replay = actions.add_parser("replay", help="send letters to the queue again")
    replay.add_argument("names", nargs="*", metavar="name", help="which; without any, all")
    chosen = parser.parse_args(arguments)
    configured = settings.load()
    log.configure(configured, "Dead letters")
    return runtime.run(lambda _: _act(Container(settings=configured), chosen))


async def _act(container: Container, chosen: argparse.Namespace) -> int:
    try:
        letters = [letter async for letter in container.recover().letters()]
        if chosen.action == "replay":
            return await _replay(container, letters, chosen.names)
        if chosen.action == "show":
            return _show(letters, chosen.name)
        for letter in letters:
            screen.say(
                f"{letter.name}  sent {letter.sent}, received {letter.receives} times: {letter.reason}"
            )
        screen.complain(f"{len(letters)} letters")
        return 0
    finally:
        await container.queue().close()


def _show(letters: Sequence[Letter], name: str) -> int:
    bodies = [letter.body for letter in letters if letter.name == name]
    for body in bodies:
        screen.say(body.decode(errors="backslashreplace"))
    if not bodies:
        screen.complain(f"there is no letter {name}; see telemetry dead-letters list")
    return 0 if bodies else 1


async def _replay(container: Container, letters: Sequence[Letter], names: Sequence[str]) -> int:
    chosen = names or list(dict.fromkeys(letter.name for letter in letters))
    unknown = await container.recover().replay(chosen)
    for name in unknown:
        screen.complain(f"there is no letter {name}; see telemetry dead-letters list")
    replayed = sum(letter.name in set(chosen) - set(unknown) for letter in letters)
    screen.say(f"replayed {replayed} letters")
    return 1 if unknown else 0
