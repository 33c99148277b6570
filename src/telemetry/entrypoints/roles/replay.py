"""`telemetry replay`: decodes CAN logs and live buses, posts them, and says what became of every frame."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from telemetry.coordination.sending import ConcurrentSender
from telemetry.domain.can.replay import LogReplay
from telemetry.domain.can.survey import Survey
from telemetry.domain.can.times import Extent, Pace, start_ms
from telemetry.domain.can.transfer import Transfers
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.contract.record import Record
from telemetry.domain.proof.manifest import Count
from telemetry.entrypoints.process import log, runtime, screen, settings
from telemetry.entrypoints.process.container import Container
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings
from telemetry.entrypoints.shared import choosing, framing, outcomes, sending
from telemetry.entrypoints.shared.choosing import ReplayOptions
from telemetry.entrypoints.shared.framing import Logs
from telemetry.entrypoints.shared.outcomes import Outcome
from telemetry.entrypoints.shared.sending import SendOptions

if TYPE_CHECKING:
    from telemetry.adapters.can.definitions import Definitions  # which is there only with the extra

_OF_A_BODY: Final = 2000  # records: a log has so many that the cost of a POST counts


def main(arguments: Sequence[str] = ()) -> int:
    parser = Parser.of("replay", __doc__)
    choosing.add_options(parser)
    sending.add_options(parser)
    given = parser.read(arguments)
    options, send = given.to(ReplayOptions), given.to(SendOptions)
    if not (options.vehicle_id or options.dry_run):
        parser.error("the following arguments are required: --vehicle-id")
    configured = settings.load()
    log.configure(configured, "Replay")
    return runtime.run(lambda stopping: replay(Container(settings=configured), options, send, stopping))


async def replay(
    container: Container, options: ReplayOptions, send: SendOptions, stopping: asyncio.Event
) -> int:
    """Post logs and say what became of their frames; return 0 if all that were decoded were accepted.

    Raise MissingExtraError if what reads logs is not installed, UnreadableError or OSError if a log or its
    definitions cannot be read.
    """
    definitions = framing.open_definitions(options.dbc)
    if options.summary == "text":
        outcomes.explain_definitions(definitions.notes, options.most)
    logs = framing.open_logs(options.files, options.timezone)
    for each in logs.left_out:
        screen.complain(f"left out: {each}")
    if options.dry_run:
        return await _survey(logs, definitions, options, stopping)
    runtime.spare_collector()
    async with sending.sender(container, send, Count(), _OF_A_BODY) as sender:
        start = await _start_ms(container, options, logs, stopping)
        log_replay = container.log_replay(
            definitions.find, options.vehicle_id, start, options.choice, transfers=_transfers(definitions)
        )
        play = _Play(container, logs, log_replay, options.speed)
        await play.run(sender, stopping)
        log_replay.end()
    status = sending.conclude(sender, is_quiet=options.summary == "json")
    outcome = play.outcome(sender)
    found = _faults(outcome, definitions, options)
    if stopping.is_set() and not logs.is_live:
        found = [*found, f"{logs.name}: stopped after {screen.counted(outcome.counts.frames, 'frame')}"]
    _report(outcome, options, found, definitions)
    if play.skewed:
        _warn(play.skewed, container.settings())
    return status or int(bool(found))


class _Play:
    """Logs that are played to a receiver; `skewed` are the records too far from now to be believed."""

    def __init__(self, container: Container, logs: Logs, log_replay: LogReplay, speed: float) -> None:
        self._clock = container.clock()
        self._policy = container.settings().partition_policy
        self._logs = logs
        self._replay = log_replay
        self._pace = Pace(speed)
        self._extent = Extent()
        self.skewed = 0

    async def run(self, sender: ConcurrentSender, stopping: asyncio.Event) -> None:
        """Send the records of the logs, until told to stop."""
        started_s = self._clock.monotonic_s()
        async for frames in self._logs.blocks(stopping, "replaying"):
            self._extent.add(frames)
            for due_s, run in self._pace.runs(frames):
                await runtime.pause(stopping, started_s + due_s - self._clock.monotonic_s())
                if stopping.is_set() or sender.is_refused:
                    return
                records = self._replay.records(run)
                self.skewed += _skewed(records, self._policy, self._clock.wall_ms())
                await sender.send(records)

    def outcome(self, sender: ConcurrentSender) -> Outcome:
        return Outcome(
            self._logs.sources,
            self._replay.counts,
            self._extent,
            sender.posted,
            sender.accepted,
            self._replay.shared_ids,
            self._pace.shortened,
        )


def _transfers(definitions: "Definitions") -> Transfers | None:
    """Return what puts messages of several frames together, if there may be some."""
    return Transfers() if definitions.is_j1939 else None


def _skewed(records: Sequence[Record], policy: PartitionPolicy, now_ms: int) -> int:
    """Count the records that are not believed if they are received now."""
    low, high = now_ms - policy.past_ms, now_ms + policy.future_ms
    return sum(not low <= record.timestamp_ms <= high for record in records)


async def _survey(
    logs: Logs, definitions: "Definitions", options: ReplayOptions, stopping: asyncio.Event
) -> int:
    """Print what is in logs, and what their definitions make of it; post nothing."""
    runtime.spare_collector()
    extent, survey = Extent(), Survey()
    dry = LogReplay(
        definitions.find, options.vehicle_id, None, options.choice, survey.see, _transfers(definitions)
    )
    async for frames in logs.blocks(stopping, "reading"):
        extent.add(frames)
        dry.records(frames)
    dry.end()
    outcome = Outcome(logs.sources, dry.counts, extent, shared_ids=dry.shared_ids)
    found, ids = _faults(outcome, definitions, options), list(survey.lines())
    if options.summary == "text":
        outcomes.show_ids(outcome, ids, options.most)
    _report(outcome, options, found, definitions, ids)
    return int(bool(found))


async def _start_ms(
    container: Container, options: ReplayOptions, logs: Logs, stopping: asyncio.Event
) -> int | None:
    """Return when the logs start: as chosen, or so that their records can be believed when they are sent.

    For that, logs that are not played at their own speed are read once before, but for those that can be read
    only once. A bus has its own times.
    """
    if options.keep_time or options.start_ms is not None:
        return options.start_ms
    if logs.is_live:
        return None
    extent = Extent()
    if options.speed > 1 and logs.is_repeatable:
        async for frames in logs.blocks(stopping, "reading times"):
            extent.add(frames)
    ahead_ms = container.settings().partition_policy.future_ms
    return start_ms(container.clock().wall_ms(), extent.seconds, options.speed, ahead_ms)


def _faults(outcome: Outcome, definitions: "Definitions", options: ReplayOptions) -> Sequence[str]:
    keeps_time = options.keep_time and not options.dry_run
    return list(
        outcomes.faults(outcome, definitions.names, is_default=definitions.is_default, keeps_time=keeps_time)
    )


def _report(
    outcome: Outcome,
    options: ReplayOptions,
    found: Sequence[str],
    definitions: "Definitions",
    ids: object = None,
) -> None:
    if options.summary == "json":
        screen.say(outcomes.as_json(outcome, found, definitions.notes, ids).decode())
    else:
        outcomes.explain(outcome, options.most)
    for fault in found:
        screen.complain(fault)


def _warn(skewed: int, configured: Settings) -> None:
    lies = "lies" if skewed == 1 else "lie"
    screen.complain(
        f"{screen.counted(skewed, 'record')} {lies} more than {configured.skew_max_past:g} s before or "
        f"{configured.skew_max_future:g} s after the moment of sending: the receiver stores such records apart, as "
        "skewed, and they count in no hour; --start chooses another moment"
    )
