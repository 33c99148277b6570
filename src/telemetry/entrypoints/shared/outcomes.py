"""What became of the frames of logs, as sentences and as JSON, and what keeps it from being the whole."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from telemetry.domain.can.counts import ReplayCounts
from telemetry.domain.can.source import Source, Tally
from telemetry.domain.can.survey import Line
from telemetry.domain.can.times import Extent
from telemetry.entrypoints.process import screen

Notes: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]
"""What was mended or left out of a file of definitions, and which of its signals or messages."""

_FEW: Final = 10  # that are named of what is no id
_HEADS: Final = (
    "bus and id",
    "frames",
    "per second",
    "bytes",
    "decoded",
    "signals, with their latest values",
)


class Outcome(msgspec.Struct, frozen=True):
    """What there is to report: sources, the outcomes of their frames, their times, and what was posted."""

    sources: Sequence[Source]
    counts: ReplayCounts
    extent: Extent
    posted: int = 0
    accepted: int = 0
    shared_ids: Sequence[str] = ()
    shortened: int = 0

    @property
    def totals(self) -> Mapping[str, int]:
        tallies = [source.tally for source in self.sources]
        counts = self.counts
        return {
            "read": sum(tally.frames for tally in tallies),
            "decoded": counts.decoded,
            "posted": self.posted,
            "accepted": self.accepted,
            "undefined": counts.undefined.total(),
            "undecodable": counts.undecodable.total(),
            "blank": counts.blank.total(),
            "unavailable": counts.unavailable.total(),
            "nudged": counts.nudged.total(),
            "left_out": counts.other_bus.total() + counts.sent.total(),
            "skipped": sum(tally.skipped.total() for tally in tallies),
            "unreadable": sum(tally.unreadable for tally in tallies),
            **({"packets": packets} if (packets := counts.packets.total()) else {}),
        }


def explain(outcome: Outcome, most: int | None) -> None:
    """Say what became of the frames: by name what is not in the records, on the last line all counts.

    Of each kind, at most `most` are named.
    """
    counts = outcome.counts
    skipped = sum((source.tally.skipped for source in outcome.sources), Counter[str]())
    for thing, what, counter in (
        ("frame", "without a definition", counts.undefined),
        ("frame", "that could not be decoded", counts.undecodable),
        ("frame", "shorter than the definition, decoded as far as the data goes", counts.short),
        ("frame", "of a page that is not defined, the plain signals decoded", counts.pageless),
        ("value", "not available, left out", counts.unavailable),
        ("value", "reported as a fault by the sender, left out", counts.errors),
        ("value", "physically impossible, left out", counts.impossible),
        ("value", "outside the stated range, kept", counts.outside),
        ("frame", "with no value available, not posted", counts.blank),
        ("frame", "that is a part of a message of several", counts.packets),
        ("message", "of several frames that is not complete", counts.incomplete),
        ("frame", f"nudged to a free millisecond, by {counts.furthest} ms at the most", counts.nudged),
        ("frame", "without data, skipped", skipped),
        ("frame", "of another bus, left out", counts.other_bus),
        ("frame", "that the logger sent itself, left out", counts.sent),
    ):
        _name(thing, what, counter, most)
    for sentence in (*_of_buses(outcome, most), *_of_times(outcome)):
        screen.explain(sentence)
    screen.say(f"replay: {' '.join(f'{name}={count}' for name, count in outcome.totals.items())}")


def explain_definitions(notes: Notes, most: int | None) -> None:
    """Say what in files of definitions was mended or left out; of each kind, name at most so many."""
    for file, kinds in notes.items():
        for what, which in kinds.items():
            left = len(which[most:]) if most else 0
            more = f", and {left} more (--all names all)" if left else ""
            screen.explain(f"{file}: {what}: {', '.join(which[:most])}{more}")


def show_ids(outcome: Outcome, lines: Sequence[Line], most: int | None) -> None:
    """Print a table of the ids of logs, at most so many: those that are decoded, then the most frequent."""
    shown = sorted(lines, key=lambda line: (not line.decoded, -line.frames))[:most]
    for source in outcome.sources:
        screen.explain(f"{source.name}: {source.kind}, {screen.counted(source.tally.frames, 'frame')}")
    screen.explain(f"{outcome.extent.seconds:g} s from the first frame to the latest")
    if lines:
        left = f", {len(shown)} of which are shown (--all shows all)" if len(shown) < len(lines) else ""
        rows = [_row(line) for line in lines if line in shown]
        screen.table(f"{screen.counted(len(lines), 'id')}{left}", _HEADS, rows)


def _row(line: Line) -> Sequence[object]:
    rate = "" if line.rate_hz is None else f"{line.rate_hz:.1f}"
    sizes = ", ".join(map(str, line.lengths))
    signals = ", ".join(f"{name}={value:g}" for name, value in line.signals.items())
    return f"{line.bus} {line.can_id}", line.frames, rate, sizes, line.decoded, signals


def _name(thing: str, what: str, counter: Counter[str], most: int | None) -> None:
    if total := counter.total():
        screen.explain(f"{screen.counted(total, thing)} {what}: {_listed(counter, most)}")


def _listed(counter: Counter[str], most: int | None) -> str:
    named = [f"{name}: {count}" for name, count in counter.most_common() if count]
    left = len(named[most:]) if most else 0
    more = f", and {left} more (--all names all)" if left else ""
    return f"{', '.join(named[:most])}{more}"


def _of_buses(outcome: Outcome, most: int | None) -> Iterator[str]:
    buses = outcome.counts.buses
    if len(buses) > 1:
        yield f"{screen.counted(buses.total(), 'frame')} of {len(buses)} buses: {_listed(buses, most)}"
    if shared := outcome.shared_ids:
        are = "id is" if len(shared) == 1 else "ids are"
        yield (
            f"{len(shared)} {are} on several buses, so that their records share a can_id: "
            f"{', '.join(shared[:_FEW])}; --channel chooses a bus, --name-buses puts it into the signals' names"
        )


def _of_times(outcome: Outcome) -> Iterator[str]:
    extent = outcome.extent
    if extent.back:
        yield (
            f"{screen.counted(extent.back, 'time')} before the time of the frame before, "
            f"by {extent.furthest_back_us / 1e6:g} s at the most"
        )
    if extent.jumps:
        yield (
            f"{screen.counted(extent.jumps, 'jump')} of more than a minute, "
            f"of {extent.longest_jump_us / 1e6:g} s at the most"
        )
    if outcome.shortened:
        yield f"{screen.counted(outcome.shortened, 'gap')} of more than an hour, of which a second was waited"


def faults(
    outcome: Outcome, definitions: Sequence[str], *, is_default: bool, keeps_time: bool
) -> Iterator[str]:
    """Yield what keeps this from being all of the logs, a sentence each."""
    for source in outcome.sources:
        yield from _of_source(source, keeps_time=keeps_time)
    counts = outcome.counts
    if counts.records or not sum(source.tally.frames for source in outcome.sources):
        return
    names = ", ".join(definitions)
    if not counts.frames:
        yield f"none of {screen.counted(counts.buses.total(), 'frame')} is left to be decoded: {_listed(counts.buses, _FEW)}"
    elif counts.undefined.total() == counts.frames:
        own = ", which are taken because no --dbc is given" if is_default else ""
        yield (
            f"none of {screen.counted(counts.frames, 'frame')} has a definition in {names}{own}; "
            "is it that of this car and bus?"
        )
    else:
        yield f"none of {screen.counted(counts.frames, 'frame')} has a value that could be posted"


def _of_source(source: Source, *, keeps_time: bool) -> Iterator[str]:
    tally = source.tally
    if tally.fault is not None:
        yield f"{source.name}: it cannot be read on as {source.kind}: {tally.fault}"
    if tally.unreadable:
        lines = "line" if source.size is None or tally.examples[0].startswith("line") else "object"
        yield (
            f"{source.name}: {screen.counted(tally.unreadable, lines)} could not be read as {source.kind}: "
            f"{_first(tally)}"
        )
    for note in tally.notes:
        yield f"{source.name}: {note}"
    if keeps_time and tally.dateless:
        yield f"{source.name}: {tally.dateless}, so that its times count from 1970; --start gives it one"
    if not tally.frames and not tally.unreadable and tally.fault is None:
        only = f", only {_listed(tally.skipped, _FEW)}" if tally.skipped else ""
        yield f"{source.name}: it holds no frame{' with data' if only else ''}{only}"


def _first(tally: Tally) -> str:
    more = tally.unreadable - len(tally.examples)
    return f"{'; '.join(tally.examples)}{f'; and {more} more' if more else ''}"


def as_json(outcome: Outcome, found: Sequence[str], notes: Notes, survey: object = None) -> bytes:
    """Return all of it as one JSON object."""
    return msgspec.json.encode(
        {
            "totals": outcome.totals,
            "logs": [
                {
                    "name": each.name,
                    "format": each.kind,
                    "dated": each.is_dated,
                    **msgspec.structs.asdict(each.tally),
                }
                for each in outcome.sources
            ],
            "counts": outcome.counts,
            "times": {
                "seconds": outcome.extent.seconds,
                "back": outcome.extent.back,
                "furthest_back_s": outcome.extent.furthest_back_us / 1e6,
                "jumps": outcome.extent.jumps,
                "longest_jump_s": outcome.extent.longest_jump_us / 1e6,
            },
            "shared_ids": outcome.shared_ids,
            "definitions": notes,
            "faults": found,
            **({"ids": survey} if survey is not None else {}),
        }
    )
