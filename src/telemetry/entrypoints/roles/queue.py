"""`telemetry queue check | copy FILE | recover`: examines, copies or saves the embedded queue.

`copy` writes the queue as it is at one moment to a new file, while the roles go on. `check` says what is
wrong, and ends with status 1 if anything is. `recover` needs all roles to be stopped. It puts every message
that can be read into a fresh file, and what is left of the others into quarantine. The damaged file is kept
beside the fresh one.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from telemetry.adapters.queue.sqlite.file import QueueFile
from telemetry.adapters.queue.sqlite.recover import Found, Recovery
from telemetry.adapters.queue.sqlite.salvage import Message
from telemetry.domain.errors import UsageError
from telemetry.domain.store import flush
from telemetry.domain.store.flush import Held
from telemetry.domain.store.storage import Storage
from telemetry.domain.transport.envelope import UndecodableError
from telemetry.domain.transport.lease import Delivery, lease_handle
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.opening import opened
from telemetry.entrypoints.process.options import Parser, new_file


class QueueOptions(msgspec.Struct, frozen=True):
    """What to do."""

    action: Literal["check", "copy", "recover"]
    target: Path | None = None


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("queue", __doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("check", help="say what is wrong with the queue, and how many messages can be read")
    copy = actions.add_parser("copy", help="write the queue as it is now to a new file, while roles go on")
    copy.add_argument("target", type=new_file, metavar="FILE", help="which is not there yet")
    actions.add_parser("recover", help="save what can be read into a fresh file, the rest into quarantine")
    if not arguments:
        parser.print_help()
        return 0
    options = parser.read(arguments).to(QueueOptions)
    configured = settings.load()
    log.configure(configured, "Queue")
    if configured.queue_backend != "sqlite":
        raise UsageError(f"QUEUE_BACKEND: {configured.queue_backend}: only the embedded queue has a file")
    container = Container(settings=configured)
    file = QueueFile(configured.queue_file, configured.modes.file, configured.modes.folder)
    if options.target:
        return _copy(file, options.target)
    now_ms = container.clock().wall_ms()
    recovery = Recovery(file, now_ms)
    if options.action == "check":
        return _check(recovery, file)
    return runtime.run(lambda _: _recover(recovery, file, container, now_ms))


def _copy(file: QueueFile, target: Path) -> int:
    if target.exists():
        raise UsageError(f"{target}: it is there already, and a copy replaces no file")
    file.copy(target)
    screen.say(f"{file.path} is copied to {target}")
    return 0


def _check(recovery: Recovery, file: QueueFile) -> int:
    found, faults = recovery.examine()
    for fault in faults:
        screen.complain(f"{file.path}: {fault}")
    if found:
        screen.say(f"{file.path}: {_counted(found)}")
    if faults:
        screen.complain("stop all roles, and run telemetry queue recover")
    else:
        screen.say(f"{file.path} is whole")
    return int(bool(faults))


async def _recover(recovery: Recovery, file: QueueFile, container: Container, now_ms: int) -> int:
    loop = asyncio.get_running_loop()
    async with opened(container.storage):
        storage = container.storage()

        def keep(lost: Sequence[Message]) -> None:
            asyncio.run_coroutine_threadsafe(_quarantine(lost, storage, now_ms), loop).result()

        found, damaged = await asyncio.to_thread(recovery.recover, keep)
    screen.say(f"{file.path}: {_counted(found)}")
    if found.lost:
        screen.complain("what is left of the others is in quarantine; see telemetry dead-letters list")
    if damaged:
        screen.complain(f"the damaged file is kept: {damaged}")
    return 0


async def _quarantine(lost: Sequence[Message], storage: Storage, now_ms: int) -> None:
    held = [Held(_delivery(each), now_ms, UndecodableError(_reason(each))) for each in lost]
    for new in flush.plan(held, now_ms, "jsonl"):
        await storage.put(new.key, new.lines)


def _delivery(message: Message) -> Delivery:
    handle = lease_handle(message.number, message.receives)
    return Delivery(handle, message.body, message.sent_ms, message.receives)


def _reason(message: Message) -> str:
    return f"The queue was damaged: {len(message.body)} bytes of message {message.number} can be read."


def _counted(found: Found) -> str:
    messages = screen.counted(found.whole, "message")
    return f"{messages} can be read ({found.dead} dead), {len(found.lost)} cannot"
