"""What a queue still holds of each hour: whether records of it may come without being late.

A body that is an envelope names its partition in its head, so that its hour is known without decompressing
anything. Of other bodies, and where a queue does not show its messages, only the time of sending is known: a
message that was sent at some moment holds no record of an hour that began later, as far as clocks are
believed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from telemetry.domain.contract.moment import HOUR_MS, Hour, hour_of, start_ms
from telemetry.domain.contract.partition import PartitionPolicy
from telemetry.domain.transport import envelope
from telemetry.domain.transport.lease import Depth, State

CANARY_HOUR: Final = 0
"""The hour of all canary records: it is long over, so that nothing waits for them."""


class Waiting(NamedTuple):
    """A message that is in a queue: its hour if that is known, when it was sent, and what it waits for."""

    hour: Hour | None
    sent_ms: int
    state: State


class Unplaced(msgspec.Struct, frozen=True):
    """Messages whose hours are not known, and between which moments they were sent, both included."""

    depth: Depth
    first_ms: int
    last_ms: int

    def may_be_of(self, hour: Hour, until_ms: int, policy: PartitionPolicy) -> bool:
        """Return whether one may hold records of an hour that were accepted until `until_ms`.

        A record is of the hour of its own time, which is believed within the bounds of `policy`, or of that
        of its receipt. Both lie before the moment of sending, or not long after it.
        """
        begins_ms = start_ms(hour)
        is_early_enough = self.first_ms - policy.past_ms < begins_ms + HOUR_MS
        return self.first_ms <= until_ms and is_early_enough and begins_ms <= self.last_ms + policy.future_ms


class Outlook(msgspec.Struct, frozen=True):
    """What a queue holds, by the hour of the records, and what may be of several hours.

    `basis` says how it was found out: by the hour that each message names, or by the age of the oldest.
    """

    hours: Mapping[Hour, Depth]
    unplaced: Sequence[Unplaced]
    basis: Literal["hours", "age"] = "hours"

    def unplaced_in(self, hour: Hour, until_ms: int, policy: PartitionPolicy) -> Sequence[Unplaced]:
        """Return those messages that may hold records of an hour that were accepted until `until_ms`."""
        return [each for each in self.unplaced if each.may_be_of(hour, until_ms, policy)]


def hour_of_body(start: bytes) -> Hour | None:
    """Return the hour that a body names, of which the first `envelope.HEAD` bytes are given; None if none."""
    place = envelope.partition_of(start)
    return place.hour if place else None


def of(messages: Iterable[Waiting]) -> Outlook:
    """Count messages by hour; those that name none by the hour in which they were sent."""
    hours: defaultdict[Hour, Counter[State]] = defaultdict(Counter)
    unplaced: defaultdict[Hour, list[Waiting]] = defaultdict(list)
    for each in messages:
        if each.hour is None:
            unplaced[hour_of(each.sent_ms)].append(each)
        else:
            hours[each.hour][each.state] += 1
    return Outlook(
        {hour: _depth(states) for hour, states in hours.items()},
        [_unplaced(members) for members in unplaced.values()],
    )


def others(outlook: Outlook) -> int | None:
    """Count the messages that are ready or on lease and hold no canary records; None if that is not known."""
    if outlook.basis != "hours":
        return None
    depths = [depth for hour, depth in outlook.hours.items() if hour != CANARY_HOUR]
    return sum(each.ready + each.leased for each in (*depths, *(each.depth for each in outlook.unplaced)))


def together(outlooks: Iterable[Outlook]) -> Outlook:
    """Return what several say, as one that was found out in the same way."""
    hours: defaultdict[Hour, Depth] = defaultdict(lambda: Depth(0, 0, 0))
    unplaced: list[Unplaced] = []
    for each in outlooks:
        unplaced += each.unplaced
        for hour, depth in each.hours.items():
            total = hours[hour]
            hours[hour] = Depth(
                total.ready + depth.ready, total.leased + depth.leased, total.dead + depth.dead
            )
    return Outlook(dict(hours), unplaced)


def _unplaced(messages: Sequence[Waiting]) -> Unplaced:
    sent = [each.sent_ms for each in messages]
    return Unplaced(_depth(Counter(each.state for each in messages)), min(sent), max(sent))


def _depth(states: Mapping[State, int]) -> Depth:
    return Depth(states.get("ready", 0), states.get("leased", 0), states.get("dead", 0))
