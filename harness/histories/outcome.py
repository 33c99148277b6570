"""What a history has come to: what lies in the store, beside what was sent and beside the naive model."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from harness.histories import stored
from harness.histories.laws import EQUAL, BrokenError, Laws
from harness.histories.stored import Line

_TREES = ("raw/", "skewed/")


class Outcome:
    """The store at the end."""

    def __init__(self, objects: Callable[[], Mapping[str, bytes]], laws: Laws) -> None:
        self._objects = objects
        self._laws = laws
        self._lake = laws.lake
        self._decoded: dict[str, tuple[bytes, Any]] = {}

    def hours(self) -> Mapping[int, int]:
        """Return all hours that have records, and how many objects each has, or had once."""
        there = (stored.hour_at(name) for name in self._objects() if name.startswith(_TREES))
        return Counter(there) + Counter(self._lake.gone())

    def is_current(self) -> bool:
        """Return whether each hour has figures of as many objects as there are."""
        return all(
            (figures := self._figures(hour)) is not None and figures["objects"] == objects
            for hour, objects in self.hours().items()
        )

    def is_complete(self) -> bool:
        """Return whether each hour is current and complete, and marked as such."""
        return self.is_current() and all(
            self._figures(hour)["certificate"]["state"] == "complete"
            and f"aggregated/{stored.folder(hour)}/_COMPLETE" in self._objects()
            for hour in self.hours()
        )

    def is_compacted(self) -> bool:
        """Return whether all raw objects were taken up."""
        return all(map(self._lake.is_compacted, self.hours()))

    def is_tidy(self, *, is_raw_kept: bool) -> bool:
        """Return whether only that is there of each hour which a reader follows."""
        return all(self._lake.is_tidy(hour, is_raw_kept=is_raw_kept) for hour in self.hours())

    def check(self, sent: Collection[tuple[object, ...]]) -> None:
        """Compare everything. Raise BrokenError."""
        by_hour = self._by_hour()
        lines = [line for found in by_hour.values() for line in found]
        self._check_records(lines, sent)
        believed = {line.identity for line in lines if line.place[0] == "raw"}
        for hour, found in by_hour.items():
            self._check_hour(hour, found, believed)

    def _check_records(self, lines: Sequence[Line], sent: Collection[tuple[object, ...]]) -> None:
        there = {line.key for line in lines}
        lost = [each.line.key for each in self._laws.promised if each.line.key not in there]
        if lost:
            raise BrokenError("what was answered 202 is in the store", f"{len(lost)} are lost: {lost[0]}")
        if strange := there - set(sent):
            raise BrokenError("nothing is stored that nobody sent", str(next(iter(strange))))

    def _by_hour(self) -> Mapping[int, Sequence[Line]]:
        read = [(("raw", hour), self._lake.records(hour)) for hour in self.hours()]
        skewed = [name for name in self._objects() if name.startswith("skewed/")]
        read += [(("skewed", stored.hour_at(name)), self._lake.lines(name)) for name in skewed]
        by_hour: defaultdict[int, list[Line]] = defaultdict(list)
        for place, lines in read:
            for line in lines:
                if line.place != place:
                    raise BrokenError("a record lies where it belongs", f"{place}: {line}")
            by_hour[place[1]] += lines
        return by_hour

    def _check_hour(self, hour: int, lines: Sequence[Line], believed: Collection[stored.Identity]) -> None:
        told, expected = stored.told(self._figures(hour)), stored.figures(lines, believed)
        for name in told:
            is_right = told[name] in expected[name] if name == "skewed" else told[name] == expected[name]
            if not is_right:
                raise BrokenError(
                    EQUAL,
                    f"{stored.folder(hour)}: {name} is {told[name]}, and not {expected[name]}",
                )

    def _figures(self, hour: int) -> Any:
        folder = f"aggregated/{stored.folder(hour)}"
        name = f"{folder}/aggregated-{stored.stamp(hour)}.json"
        data = self._objects().get(name)
        if data is None:
            return None
        if name not in self._decoded or self._decoded[name][0] is not data:
            self._decoded[name] = data, stored.decode(data)
        return self._decoded[name][1]
