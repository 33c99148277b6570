"""Records that are held until all are there: as columns if they are few, else sorted and compressed.

Compressed records take a tenth of the memory. They are read again for one group of vehicles after another, so
that only so many are columns at once.
"""

from collections import Counter
from collections.abc import Collection, Iterator

import numpy as np

from telemetry.domain.contract.moment import Hour
from telemetry.domain.figures.columns import Columns
from telemetry.domain.lake.form import ROWS, Form


class Spill:
    """Records of one hour. `most` is how many are columns at once, if one vehicle alone has fewer."""

    def __init__(self, form: Form, hour: Hour, most: int) -> None:
        self._form = form
        self._hour = hour
        self._most = most
        self._held: list[Columns] = []
        self._size = 0  # of what is held
        self._runs: list[bytes] = []
        self._vehicles: Counter[str] = Counter()

    def add(self, columns: Columns) -> None:
        """Hold records, in any order."""
        counts = np.bincount(columns.stream, minlength=len(columns.streams)).tolist()
        for (vehicle_id, _), count in zip(columns.streams, counts, strict=True):
            self._vehicles[vehicle_id] += count
        if self._held and self._size + columns.size > self._most:
            self._compress()
        self._held.append(columns)
        self._size += columns.size

    def parts(self) -> Iterator[Columns]:
        """Yield all records, for one group of vehicles after another, in the order of identities."""
        if not self._runs:
            yield Columns.concatenate(self._held).sort()
            return
        self._compress()
        for vehicles in self._groups():
            yield Columns.concatenate([part for run in self._runs for part in self._of(run, vehicles)]).sort()

    def _of(self, run: bytes, vehicles: Collection[str]) -> Iterator[Columns]:
        last = max(vehicles)
        for part in self._form.read("spilled records", run, self._hour):
            if part.streams[0][0] > last:
                return
            yield part.of_vehicles(vehicles)

    def _compress(self) -> None:
        columns = Columns.concatenate(self._held).sort()
        self._held, self._size = [], 0
        writer = self._form.writer(self._hour)
        for start in range(0, columns.size, ROWS):
            writer.add(columns.take(np.arange(start, min(start + ROWS, columns.size))))
        self._runs.append(writer.close())

    def _groups(self) -> Iterator[Collection[str]]:
        group: set[str] = set()
        size = 0
        for vehicle_id, count in sorted(self._vehicles.items()):
            if group and size + count > self._most:
                yield group
                group, size = set(), 0
            group.add(vehicle_id)
            size += count
        yield group
